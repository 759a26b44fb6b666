"""What definitions name from outside is fetched once, when they are published, and stays what it was."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from tidemill.api.engine.v1 import definition_service_pb2 as pb
from tidemill.clock import ManualClock
from tidemill.dsl import DocumentError
from tidemill.engine.catalogue import Catalogue
from tidemill.engine.documents.fetching import FetchError
from tidemill.engine.documents.sources import Sources
from tidemill.engine.settings import Settings
from tidemill.engine.store.memory.store import MemoryStore
from tidemill.errors import TidemillError
from tidemill.json import Json

API = "https://pets.test/openapi.json"
SCHEMA = "https://pets.test/pet.json"


def api(path: str) -> bytes:
    return orjson.dumps({"openapi": "3.0.0", "paths": {path: {"get": {"operationId": "list"}}}})


def definition(*tasks: dict[str, Json], version: str = "1.0.0", **members: Json) -> bytes:
    header: Json = {"dsl": "1.0.3", "namespace": "shop", "name": "pets", "version": version}
    named: list[Json] = [{f"task{at}": task} for at, task in enumerate(tasks)]
    return orjson.dumps({"document": header, "do": named, **members})


def call(endpoint: Json = API, operation: str = "list") -> dict[str, Json]:
    return {"call": "openapi", "with": {"document": {"endpoint": endpoint}, "operationId": operation}}


class Web:
    """What is there to fetch, and how often each was."""

    def __init__(self, **contents: bytes) -> None:
        self.contents: dict[str, bytes] = {API: api("/pets"), SCHEMA: b'{"type": "object"}', **contents}
        self.fetched: Counter[str] = Counter()
        self.seen: list[Json] = []
        self.asked = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def fetch(self, uri: str, authentication: Json) -> bytes:
        self.fetched[uri] += 1
        self.seen.append(authentication)
        self.asked.set()
        await self.gate.wait()
        if uri not in self.contents:
            raise FetchError("it answers 404")
        return self.contents[uri]


Make = Callable[[], Catalogue]


@pytest.fixture
def web() -> Web:
    return Web()


@pytest.fixture
def make(web: Web) -> Make:
    """Engines on one store."""
    store, clock = MemoryStore(1), ManualClock()
    return lambda: Catalogue(store, clock, Settings(fetches_a_publish_max=3), sources=Sources(web.fetch))


def endpoint_of(catalogue: Catalogue, version: str = "1.0.0") -> Any:  # noqa: ANN401 - any JSON value
    """Where the first task of the stored plan calls."""
    node = catalogue.plan("shop", "pets", version).tasks["/do/0/task0"]
    return node._request._uri({})  # type: ignore[attr-defined]  # what a call asks for is another test's matter


async def test_a_document_is_fetched_pinned_and_told(make: Make, web: Web) -> None:
    row, created, _ = await make().publish("", definition(call(), call(), call({"uri": API})))
    assert (created, web.fetched) == (True, {API: 1})
    digest = hashlib.sha256(api("/pets")).hexdigest()
    assert list(pb.Definition.FromString(row.pinned).pinned_documents) == [
        pb.PinnedDocument(uri=API, digest=digest)
    ]


async def test_what_was_pinned_is_what_other_engines_and_later_ones_read(make: Make, web: Web) -> None:
    first, other = make(), make()
    await first.publish("", definition(call()))
    web.contents[API] = api("/changed")
    await other.load()
    later = make()
    await later.load()
    assert [endpoint_of(one) for one in (first, other, later)] == ["https://pets.test/pets"] * 3
    assert web.fetched == {API: 1}


async def test_the_same_version_again_keeps_what_was_pinned_first(make: Make, web: Web) -> None:
    catalogue = make()
    row, _, _ = await catalogue.publish("", definition(call()))
    web.contents.clear()
    assert await catalogue.publish("", definition(call())) == (row, False, [])
    assert web.fetched == {API: 1}


async def test_who_publishes_the_same_version_second_gets_what_the_first_has_pinned(
    make: Make, web: Web
) -> None:
    first, second = make(), make()
    row, _, _ = await first.publish("", definition(call()))
    web.contents[API] = api("/changed")
    # The second has not heard of it: it fetches, and finds when it stores that another was before it.
    stored, _, _ = await second.publish("", definition(call()))
    assert stored.pinned == row.pinned
    assert endpoint_of(second) == "https://pets.test/pets"


async def test_another_version_has_its_own(make: Make, web: Web) -> None:
    catalogue = make()
    await catalogue.publish("", definition(call()))
    web.contents[API] = api("/changed")
    await catalogue.publish("", definition(call(), version="1.1.0"))
    assert [endpoint_of(catalogue, version) for version in ("1.0.0", "1.1.0")] == [
        "https://pets.test/pets",
        "https://pets.test/changed",
    ]


async def test_other_content_of_a_version_is_refused_before_anything_is_fetched(make: Make, web: Web) -> None:
    catalogue = make()
    await catalogue.publish("", definition(call()))
    with pytest.raises(TidemillError, match="published with other content"):
        await catalogue.publish("", definition(call(SCHEMA)))
    assert web.fetched == {API: 1}


async def test_what_cannot_be_fetched_refuses_the_publish_with_uri_place_and_reason(
    make: Make, web: Web
) -> None:
    catalogue = make()
    with pytest.raises(TidemillError) as refusal:
        await catalogue.publish("", definition(call(), call("https://pets.test/none")))
    assert refusal.value.reason_name == "DOCUMENT_UNAVAILABLE"
    place = "/do/1/task1/with/document/endpoint"
    assert refusal.value.message == f"{place}: https://pets.test/none cannot be fetched: it answers 404"
    assert refusal.value.metadata == {
        "uri": "https://pets.test/none",
        "pointer": place,
        "detail": "it answers 404",
    }
    with pytest.raises(TidemillError, match="no definition"):
        catalogue.get("shop", "pets")


async def test_a_document_that_does_not_fit_refuses_the_publish(make: Make, web: Web) -> None:
    with pytest.raises(DocumentError) as refusal:
        await make().publish("", definition(call(operation="none")))
    assert refusal.value.problems[0].pointer == "/do/0/task0/with/operationId"
    web.contents[API] = b"{"
    with pytest.raises(DocumentError, match=f"/do/0/task0/with/document/endpoint: {API}: "):
        await make().publish("", definition(call()))


async def test_others_publish_while_one_waits_for_its_documents(make: Make, web: Web) -> None:
    catalogue = make()
    web.gate.clear()
    waiting = asyncio.ensure_future(catalogue.publish("", definition(call())))
    await web.asked.wait()
    assert (await catalogue.publish("", definition({"set": {"a": 1}}, version="2.0.0")))[1]
    assert not waiting.done()
    web.gate.set()
    assert (await waiting)[1]


async def test_a_definition_names_a_limited_number_of_documents(make: Make, web: Web) -> None:
    with pytest.raises(TidemillError) as refusal:
        await make().publish("", definition(*(call(f"https://pets.test/{n}") for n in range(4))))
    assert refusal.value.reason_name == "TOO_LARGE"
    assert refusal.value.metadata["limit"] == "fetches_a_publish_max"
    assert not web.fetched


async def test_a_uri_has_one_authentication_in_a_definition(make: Make, web: Web) -> None:
    basic: Json = {"basic": {"username": "a", "password": "b"}}
    named: Json = {"uri": API, "authentication": {"use": "ours"}}
    inline: Json = {"uri": API, "authentication": basic}
    use: Json = {"authentications": {"ours": basic}}
    await make().publish("", definition(call(named), call(inline), use=use))
    assert web.seen == [basic]
    with pytest.raises(DocumentError) as refusal:
        await make().publish("", definition(call(named), call(), version="1.1.0", use=use))
    assert refusal.value.problems[0].pointer == "/do/1/task1/with/document/endpoint"
    assert "it has another authentication at /do/0/task0/with" in refusal.value.message


async def test_documents_are_found_wherever_tasks_may_stand(make: Make, web: Web) -> None:
    web.contents |= {f"https://pets.test/{name}": api(f"/{name}") for name in ("function", "before")}
    use: Json = {
        "functions": {"ours": call("https://pets.test/function")},
        "extensions": [{"watch": {"extend": "set", "before": [{"look": call("https://pets.test/before")}]}}],
    }
    inside: dict[str, Json] = {"fork": {"branches": [{"try": {"try": [{"deep": call()}], "catch": {}}}]}}
    task: dict[str, Json] = {"set": {"a": 1}}
    await make().publish("", definition({"call": "ours"}, task, inside, use=use))
    assert web.fetched.keys() == {API, "https://pets.test/function", "https://pets.test/before"}


async def test_schemas_may_come_from_outside(make: Make, web: Web) -> None:
    resource: dict[str, Json] = {"schema": {"resource": {"endpoint": SCHEMA}}}
    task: dict[str, Json] = {"set": {"a": 1}, "input": resource, "export": {"as": ".", **resource}}
    row, _, _ = await make().publish("", definition(task, input=resource, output=resource))
    assert web.fetched == {SCHEMA: 1}
    assert row.pinned
    web.contents[SCHEMA] = b'{"type": "nothing"}'
    with pytest.raises(DocumentError, match=f"/input/schema/resource/endpoint: {SCHEMA}: "):
        await make().publish("", definition(task, version="1.1.0", input=resource))


async def test_an_engine_that_fetches_nothing_says_so() -> None:
    catalogue = Catalogue(MemoryStore(1), ManualClock(), Settings())
    with pytest.raises(TidemillError, match="this engine fetches nothing"):
        await catalogue.publish("", definition(call()))
