"""The example actions: they load as an author's would, and a repeat under the same key changes nothing."""

import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.unit.actions.samples import call
from tidemill.actions.adapters.discovery import functions_of_modules
from tidemill.actions.adapters.functions import function_action
from tidemill.actions.adapters.threads import Threads
from tidemill.actions.core.model import Outcome
from tidemill.actions.registry import Registry
from tidemill.telemetry.metrics import Metrics

EXAMPLES = Path(__file__).parents[3] / "examples/actions"


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setenv("TIDEMILL_EXAMPLES_CRM", str(tmp_path / "crm.json"))
    before = set(sys.modules)
    functions = functions_of_modules("tidemill_examples.crm,tidemill_examples.journeys,crm_actions")
    yield Registry(function_action(one, Threads(Metrics(), threads_max=1, lost_max=1)) for one in functions)
    for name in set(sys.modules) - before:
        del sys.modules[name]


async def run(registry: Registry, name: str, key: str = "k", **arguments: object) -> Outcome:
    action = registry.find(name)
    assert action is not None
    return await action.run(call(key, action=name, arguments=orjson.dumps(arguments)))


def output(outcome: Outcome) -> object:
    assert outcome.error is None
    return orjson.loads(outcome.output or b"")


def test_all_examples_load(registry: Registry) -> None:
    names = [spec.full_name for spec in registry.all()]
    assert names == [
        "crm.addTag:1.0.0",
        "crm.assignOwner:1.0.0",
        "crm.birthdays:1.0.0",
        "crm.contact:1.0.0",
        "crm.createTask:1.0.0",
        "crm.enrichLead:1.0.0",
        "crm.notify:1.0.0",
        "crm.scoreLead:1.0.0",
        "crm.sendMail:1.0.0",
        "crm.sendText:1.0.0",
        "crm.takeTurn:1.0.0",
    ]
    assert all(spec.description for spec in registry.all())


async def test_owners_take_turns_and_a_repeat_keeps_its_owner(registry: Registry) -> None:
    async def owner(contact: str, key: str) -> object:
        name = "crm.assignOwner:1.0.0"
        value = output(await run(registry, name, key, contact=contact, team=["ada", "bob"]))
        assert isinstance(value, dict)
        return value["owner"]

    assert [await owner("c1", "k1"), await owner("c2", "k2"), await owner("c3", "k3")] == [
        "ada",
        "bob",
        "ada",
    ]
    assert await owner("c2", "k2") == "bob"


async def test_an_empty_team_is_an_error_of_the_action(registry: Registry) -> None:
    outcome = await run(registry, "crm.assignOwner:1.0.0", contact="c", team=[])
    assert outcome.error is not None
    assert (outcome.error.status, outcome.error.title) == (422, "Nobody to assign")


async def test_tags_are_added_once(registry: Registry) -> None:
    await run(registry, "crm.addTag:1.0.0", "k1", contact="c", tag="new")
    tagged = output(await run(registry, "crm.addTag:1.0.0", "k2", contact="c", tag="hot"))
    assert tagged == {"contact": "c", "tags": ["new", "hot"]}
    assert output(await run(registry, "crm.contact:1.0.0", contact="c")) == {"tags": ["new", "hot"]}


async def test_turns_are_counted_for_each_team_and_a_repeat_keeps_its_turn(registry: Registry) -> None:
    async def turn(team: str, key: str) -> object:
        return output(await run(registry, "crm.takeTurn:1.0.0", key, team=team))

    assert [await turn("emea", "k1"), await turn("emea", "k2"), await turn("americas", "k3")] == [
        {"turn": 0},
        {"turn": 1},
        {"turn": 0},
    ]
    assert await turn("emea", "k1") == {"turn": 0}


async def test_what_is_sent_is_sent_once(registry: Registry, tmp_path: Path) -> None:
    for key in ("k1", "k1", "k2"):
        await run(registry, "crm.sendMail:1.0.0", key, to="ada@example.com", template="welcome")
    again = await run(registry, "crm.sendText:1.0.0", "k3", to="+1", text="hello")
    await run(registry, "crm.notify:1.0.0", "k4", to="amy", text="a lead")
    assert output(again) == {"message": "text-3"}
    (book,) = orjson.loads((tmp_path / "crm.json").read_bytes()).values()
    assert [message["channel"] for message in book["messages"]] == ["mail", "mail", "text", "notice"]


async def test_tasks_are_numbered(registry: Registry) -> None:
    for key, task in (("k1", "task-1"), ("k2", "task-2"), ("k1", "task-1")):
        created = await run(registry, "crm.createTask:1.0.0", key, team="sales", text="call")
        assert output(created) == {"task": task}


async def test_birthdays_are_those_of_the_days(registry: Registry, tmp_path: Path) -> None:
    born = {"ada": "1990-03-10", "bob": "2000-02-29", "cy": "1985-03-11"}
    contacts = {
        name: {"name": name, "email": f"{name}@example.com", "timezone": "UTC", "birthday": day, "tags": []}
        for name, day in born.items()
    }
    namespace = call("k", action="crm.birthdays:1.0.0").namespace
    (tmp_path / "crm.json").write_bytes(orjson.dumps({namespace: {"contacts": contacts}}))
    found = output(await run(registry, "crm.birthdays:1.0.0", days=["02-29", "03-10"]))
    assert found == {
        "people": [
            {"contact": name, "name": name, "email": f"{name}@example.com", "timezone": "UTC"}
            for name in ("ada", "bob")
        ]
    }


async def test_the_company_stands_in_the_address(registry: Registry) -> None:
    enriched = await run(registry, "crm.enrichLead:1.0.0", email="a@one.example")
    assert output(enriched) == {"company": "One"}
    nowhere = await run(registry, "crm.enrichLead:1.0.0", email="nobody")
    assert nowhere.error is not None
    assert nowhere.error.status == 422


async def test_leads_are_rated(registry: Registry) -> None:
    rated = await run(registry, "crm.scoreLead:1.0.0", source="web", budget=5_000)
    assert output(rated) == {"score": 30}
    unknown = await run(registry, "crm.scoreLead:1.0.0", source="nobody", budget=1)
    assert unknown.error is not None
    assert unknown.error.status == 422
