"""The language's examples, by path: each runs to its documented meaning, or is listed with the reason."""

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tests.contract import fake_docker
from tests.contract.token_provider import running_token_provider
from tests.e2e.examples import timed
from tests.e2e.examples.case import UNSAID, Asked, Case, Seen
from tests.e2e.examples.outside import HOSTS, TOKEN, Outside
from tests.e2e.examples.play import Stage
from tests.e2e.examples.slack import slack_in_the_place_of_npx
from tests.e2e.examples.table import ELSEWHERE, cases, named_examples
from tests.e2e.greeter import greeter
from tests.e2e.running import RunningStack
from tests.e2e.web import serving
from tests.simulation.world import World
from tests.unit.dsl.shared_data import documents, shared_directory
from tidemill.json import Json, dumps

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(240),
    pytest.mark.skipif(sys.platform != "linux", reason="programs run on Linux alone"),
]

ROOT = Path(__file__).parents[3]
EXAMPLES = 68
# What the examples of tokens say.
CLIENT, SECRET = "workflow-runtime-id", "workflow-runtime-secret"
AUTHORITY = "http://keycloak/realms/fake-authority"
ALL_VALUES: dict[str, Json] = {
    "authority": AUTHORITY,
    "grant": "client_credentials",
    "client": {"id": CLIENT, "secret": SECRET},
}
OF_SECRETS = ("authentication-oauth2-secret", "authentication-oidc-secret")
CASES = cases()


def example(name: str) -> str:
    """The text of an example."""
    return (shared_directory() / "examples" / f"{name}.yaml").read_text()


def test_every_example_stands_once_in_the_table() -> None:
    files = {name.removesuffix(".yaml") for name in documents("examples")}
    assert len(files) == EXAMPLES
    counted = Counter(named_examples())
    assert {name for name, times in counted.items() if times > 1} == set()
    assert counted.keys() == files
    assert timed.ALSO.keys() <= files - ELSEWHERE.keys()
    assert all((ROOT / tests).is_file() for tests in ELSEWHERE.values())


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Seen | Exception]]:
    """What became of each case: they play at the same time, in one stack."""
    folder = tmp_path_factory.mktemp("outside")
    shared_directory()
    with (
        pytest.MonkeyPatch.context() as patch,
        running_token_provider(realm="fake-authority", public_url="http://keycloak") as provider,
        greeter(folder) as port,
    ):
        # The examples have an authority without TLS.
        patch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
        provider.client(CLIENT, "client_secret_post", SECRET)
        outside = Outside(lambda token: token == TOKEN or token in provider.given)
        with serving(outside.answer) as here:
            hosts = ",".join([*(f"{host}={here}" for host in HOSTS), f"keycloak={provider.url}"])
            with RunningStack(tmp_path_factory.mktemp("stack"), **settings(folder, hosts, port)) as stack:
                stage = Stage(stack.client, outside.of, folder / "calls")
                yield stack.wait(play_all(stage), seconds=120)
                outside.over.set()


def settings(folder: Path, hosts: str, greeter_port: int) -> dict[str, str]:
    """Variables for a stack that may do all that the examples do, and finds their services."""
    return {
        "TIDEMILL_ACTIONS_HTTP_HOSTS": hosts,
        "TIDEMILL_ENGINE_FETCH_HOSTS": hosts,
        "TIDEMILL_ENGINE_FETCH_FOLDER": str(folder),
        "TIDEMILL_ACTIONS_GRPC_HOSTS": f"localhost:5011=grpc://127.0.0.1:{greeter_port}",
        "TIDEMILL_ACTIONS_PROCESSES": "shell,script,container",
        "TIDEMILL_ACTIONS_PROCESS_CONTAINERS": f"{sys.executable} {fake_docker.__file__} {folder}",
        "TIDEMILL_ACTIONS_PROCESS_PATH": f"{slack_in_the_place_of_npx(folder)}:/usr/local/bin:/usr/bin:/bin",
        "TIDEMILL_ACTIONS_MCP_STDIO": "true",
        **{f"TIDEMILL_SECRET.{namespace}.mySecret": dumps(ALL_VALUES).decode() for namespace in OF_SECRETS},
    }


async def play_all(stage: Stage) -> dict[str, Seen | Exception]:
    async def play(namespace: str) -> Seen | Exception:
        name, case = CASES[namespace]
        try:
            return await stage.play(namespace, example(name), case)
        except Exception as error:
            return error

    played = await asyncio.gather(*map(play, CASES))
    return dict(zip(CASES, played, strict=True))


@pytest.mark.parametrize("namespace", CASES)
def test_an_example_does_what_is_documented(seen: dict[str, Seen | Exception], namespace: str) -> None:
    found = seen[namespace]
    if isinstance(found, Exception):
        raise found
    _, case = CASES[namespace]
    assert (found.report.phase, found.report.error is None) == (phase_of(case), case.error is None)
    if case.error is not None:
        assert asked_for(found.report.error, case.error) == case.error
    if case.output is not UNSAID:
        assert found.report.output == case.output
    if case.tasks:
        assert tuple(found.report.names) == case.tasks
    assert_asked(found.asked, case)
    assert list(map(asked_for, found.emitted, case.emitted)) == list(case.emitted)
    case.check(found)


@pytest.mark.parametrize("name", list(chain(timed.RUNS, timed.ALSO)))
async def test_an_example_takes_the_time_that_is_documented(name: str) -> None:
    plays = {**timed.RUNS, **timed.ALSO}
    await plays[name](await World().open(), example(name))


def phase_of(case: Case) -> str:
    return "faulted" if case.error else "cancelled" if case.ends_never else "completed"


def assert_asked(asked: list[Asked], case: Case) -> None:
    """The calls that a case names are all; without any, it has no word on them."""
    if not case.asked:
        return

    def order(each: Asked) -> str:
        return each.url if case.asked_in_any_order else ""

    for found, wanted in zip(sorted(asked, key=order), sorted(case.asked, key=order), strict=True):
        assert replace(found, headers=asked_for(found.headers, wanted.headers)) == wanted


def asked_for(found: Any, wanted: Any) -> Any:  # noqa: ANN401 - any JSON value
    """A value with no more in its objects than the other has, so that both can be compared."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        return {name: asked_for(value, wanted[name]) for name, value in found.items() if name in wanted}
    return found
