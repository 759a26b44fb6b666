"""Functions from outside are fetched with all that they lead to, checked, pinned, and stay what they were."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest

from tidemill.api.engine.v1 import definition_service_pb2 as pb
from tidemill.clock import ManualClock
from tidemill.dsl import DocumentError, limits
from tidemill.engine.catalogue import Catalogue
from tidemill.engine.documents.fetching import FetchError
from tidemill.engine.documents.reading import json_form
from tidemill.engine.documents.sources import Sources
from tidemill.engine.settings import Settings
from tidemill.engine.store.memory.store import MemoryStore
from tidemill.errors import TidemillError
from tidemill.json import Json

SET: dict[str, Json] = {"set": {"a": 1}}
ROOT = "https://c.test/functions"
RAW = "https://raw.githubusercontent.com"
FETCHES_MAX = 6


def f(name: str) -> str:
    """The URI of a function."""
    return f"https://f.test/{name}.yaml"


def calling(*names: str, **members: Json) -> dict[str, Json]:
    """A task that calls functions one after the other."""
    return {"do": [{name: {"call": f(name)}} for name in names], **members}


def definition(*calls: str, version: str = "1.0.0", **use: Json) -> bytes:
    header: Json = {"dsl": "1.0.3", "namespace": "shop", "name": "log", "version": version}
    do: list[Json] = [{f"task{at}": {"call": call}} for at, call in enumerate(calls)]
    return orjson.dumps({"document": header, "do": do, "use": use})


class Web:
    """What is there to fetch, how often each was, and with what."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.fetched: Counter[str] = Counter()
        self.authentications: dict[str, Json] = {}
        self.text_faults: dict[str, str] = {}

    def put(self, **tasks: Json) -> None:
        self.contents |= {f(name): orjson.dumps(task) for name, task in tasks.items()}

    async def fetch(self, uri: str, authentication: Json) -> bytes:
        self.fetched[uri] += 1
        self.authentications[uri] = authentication
        if uri not in self.contents:
            raise FetchError("it answers 404")
        return self.contents[uri]

    async def proto_fault(self, text: str) -> str:
        return self.text_faults.get(text, "")


@pytest.fixture
def web() -> Web:
    return Web()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(1)


@pytest.fixture
def make(web: Web, store: MemoryStore) -> Callable[[], Catalogue]:
    """Engines on one store."""
    settings = Settings(fetches_a_publish_max=FETCHES_MAX)
    return lambda: Catalogue(store, ManualClock(), settings, sources=Sources(web.fetch, web.proto_fault))


async def refused(catalogue: Catalogue, document: bytes) -> tuple[str, str]:
    """The place and the sentence of the one problem of a definition that is refused."""
    with pytest.raises(DocumentError) as refusal:
        await catalogue.publish("", document)
    [problem] = refusal.value.problems
    return problem.pointer, problem.message


def sets_of(catalogue: Catalogue, version: str) -> list[dict[str, Json]]:
    """The `set` tasks of a stored version, as they are compiled."""
    tasks = catalogue.plan("shop", "log", version).tasks.values()
    return [task.definition for task in tasks if "set" in task.definition]


async def test_a_function_is_fetched_with_all_that_it_leads_to(
    make: Callable[[], Catalogue], web: Web
) -> None:
    schema: Json = {"schema": {"resource": {"endpoint": "text.json"}}}
    web.put(a=calling("b", "c"), b=calling("c"), c={**SET, "input": schema})
    web.contents["https://f.test/text.json"] = b"{}"
    row, created, _ = await make().publish("", definition(f("a"), f("c")))
    assert created
    assert web.fetched == {f("a"): 1, f("b"): 1, f("c"): 1, "https://f.test/text.json": 1}
    pinned = pb.Definition.FromString(row.pinned).pinned_documents
    assert {one.uri: one.digest for one in pinned} == {
        uri: hashlib.sha256(content).hexdigest() for uri, content in web.contents.items()
    }


async def test_what_was_pinned_is_what_other_engines_and_later_ones_run(
    make: Callable[[], Catalogue], web: Web
) -> None:
    web.put(a=calling("b"), b=SET)
    first, other = make(), make()
    await first.publish("", definition(f("a")))
    web.put(a={"wait": "PT1S"})
    await other.load()
    web.contents.clear()
    later = make()
    await later.load()
    for catalogue in (first, other, later):
        assert sets_of(catalogue, "1.0.0") == [SET]
    assert (await later.publish("", definition(f("a"))))[1] is False
    assert web.fetched == {f("a"): 1, f("b"): 1}


async def test_functions_of_catalogs_come_with_the_authentication_of_their_catalog(
    make: Callable[[], Catalogue], web: Web
) -> None:
    login: Json = {"bearer": {"token": "t0k"}}
    beside: Json = {"language": "python", "source": {"endpoint": "log.py"}}
    web.contents = {
        f"{ROOT}/log/1.0.0/function.yaml": orjson.dumps({"run": {"script": beside}}),
        f"{ROOT}/log/1.0.0/log.py": b"print(1)",
        f"{ROOT}/log/2.0.0/function.yaml": b"set: {a: 1}",
        f"{RAW}/o/r/refs/heads/main/functions/log/1.0.0/function.yaml": b"wait: PT1S",
    }
    catalogs: Json = {
        "shelf": {"endpoint": {"uri": "https://c.test", "authentication": login}},
        "public": {"endpoint": "https://github.com/o/r/tree/main"},
    }
    calls = ("log:1.0.0@shelf", "log:2.0.0@shelf", "log:1.0.0@public")
    row, _, _ = await make().publish("", definition(*calls, catalogs=catalogs))
    assert web.authentications == {uri: None if "github" in uri else login for uri in web.contents}
    # They are kept under what the definition says, wherever they were found.
    github = "https://github.com/o/r/tree/main/functions/log/1.0.0/function.yaml"
    assert github in {one.uri for one in pb.Definition.FromString(row.pinned).pinned_documents}


async def test_a_function_that_calls_itself_is_refused(make: Callable[[], Catalogue], web: Web) -> None:
    web.put(a=calling("b"), b=calling("c"), c=calling("a"), own=calling("own"))
    assert await refused(make(), definition(f("a"))) == (
        "/do/0/task0/call",
        f"{f('c')}: /do/0/a/call: a function may not call itself: `{f('a')}` calls `{f('b')}`, which calls "
        f"`{f('c')}`, which calls `{f('a')}`",
    )
    pointer, sentence = await refused(make(), definition("send:1.0.0", f("own")))
    assert pointer == "/do/1/task1/call"
    assert sentence.startswith(f"{f('own')}: /do/0/own/call: a function may not call itself")
    assert web.fetched == {f("a"): 1, f("b"): 1, f("c"): 1, f("own"): 1}


async def test_functions_lead_to_one_another_up_to_a_limit(make: Callable[[], Catalogue], web: Web) -> None:
    names = [f"level{level}" for level in range(limits.FUNCTION_LEVELS_MAX + 1)]
    tasks = [*(calling(name) for name in names[1:]), SET]
    web.put(**dict(zip(names, tasks, strict=True)))
    assert (await make().publish("", definition(f(names[1]))))[1]
    deepest = f"may call one another {limits.FUNCTION_LEVELS_MAX} levels deep (FUNCTION_LEVELS_MAX)"
    pointer, sentence = await refused(make(), definition(f(names[0]), version="2.0.0"))
    assert (pointer, sentence.endswith(deepest)) == ("/do/0/task0/call", True)
    # A short way to the last one makes the long one no shorter.
    both = definition(f(names[0]), f(names[3]), version="3.0.0")
    pointer, sentence = await refused(make(), both)
    assert (pointer, sentence.endswith(deepest)) == ("/do/0/task0/call", True)


async def test_the_documents_of_all_functions_are_counted(make: Callable[[], Catalogue], web: Web) -> None:
    web.put(a=calling(*(f"b{at}" for at in range(FETCHES_MAX))))
    with pytest.raises(TidemillError) as refusal:
        await make().publish("", definition(f("a")))
    assert refusal.value.reason_name == "TOO_LARGE"
    assert refusal.value.metadata["limit"] == "fetches_a_publish_max"
    # None of those that are too many.
    assert web.fetched == {f("a"): 1}


async def test_all_that_a_definition_leads_to_has_to_come_in_time(web: Web, store: MemoryStore) -> None:
    async def slowly(uri: str, authentication: Json) -> bytes:
        content = await web.fetch(uri, authentication)
        if uri == f("b"):
            await asyncio.Event().wait()
        return content

    web.put(a=calling("b"), b=SET)
    settings = Settings(fetches_timeout_us=200_000)
    catalogue = Catalogue(store, ManualClock(), settings, sources=Sources(slowly))
    with pytest.raises(TidemillError) as refusal:
        await catalogue.publish("", definition(f("a")))
    assert refusal.value.reason_name == "DOCUMENT_UNAVAILABLE"
    late = "all that it leads to did not come within 0.2 s (fetches_timeout_us)"
    assert refusal.value.message == f"/do/0/task0/call: {f('a')} cannot be fetched: {late}"


async def test_what_functions_stand_for_is_bounded_as_for_those_of_the_document(
    make: Callable[[], Catalogue], web: Web
) -> None:
    web.put(a=calling(*["b"] * 40), b=calling(*["c"] * 40), c={"set": {"text": "x" * 5_000}})
    for name in "ab":
        task = orjson.loads(web.contents[f(name)])
        task["do"] = [{f"n{at}": item["b" if name == "a" else "c"]} for at, item in enumerate(task["do"])]
        web.contents[f(name)] = orjson.dumps(task)
    _, sentence = await refused(make(), definition(f("a")))
    most = limits.REUSED_VALUES_MAX
    assert sentence == f"functions and extensions stand for more than {most} values where they are used"
    nested: Json = SET
    for _ in range(limits.TASK_LEVELS_MAX - 2):
        nested = {"do": [{"it": nested}]}
    web.put(deep=nested, deeper={"do": [{"it": {"do": [{"it": nested}]}}]})
    assert (await make().publish("", definition(f("deep"))))[1]
    pointer, sentence = await refused(make(), definition(f("deeper"), version="2.0.0"))
    assert (pointer, "levels deep, functions and" in sentence) == ("/do/0/task0", True)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{", "/: the document: unexpected end of data"),
        (b"set: [", "/: the document is not YAML: "),
        (b"\xff", "/: it is not UTF-8 (byte 0)"),
        (b"<html>Sign in</html>", "/: the document must be a task, an object such as"),
        (b"set: {a: 1}\nset: {a: 2}", "/: the key `set` is given twice"),
        (b"set: {a: '${ . + }'}", "/set/a: this expression is not accepted"),
        (b"call: other", "/call: `other` is neither a protocol"),
        (b"call: 'http://a:secret-pw@a.test/f'", "/call: the URI of a function cannot hold a password"),
        (b"run: {script: {language: python, source: {endpoint: file:a.py}}}",
         "/run/script/source/endpoint: what comes over the web can name no `file`"),
    ],
)  # fmt: skip
async def test_what_is_wrong_with_a_function_has_its_place_there_and_its_uri(
    make: Callable[[], Catalogue], web: Web, content: bytes, sentence: str
) -> None:
    web.contents = {f("bad"): content, f("a"): orjson.dumps(calling("bad"))}
    pointer, told = await refused(make(), definition(f("bad")))
    assert pointer == "/do/0/task0/call"
    assert told.startswith(f"{f('bad')}: {sentence}")
    assert "secret-pw" not in told
    # And when another one leads to it, where that does.
    pointer, told = await refused(make(), definition(f("a")))
    assert pointer == "/do/0/task0/call"
    assert told.startswith(f"{f('a')}: /do/0/bad/call: {f('bad')}: {sentence}")


async def test_a_function_that_is_not_there_is_told_with_the_way_to_it(
    make: Callable[[], Catalogue], web: Web
) -> None:
    web.put(a=calling("none"))
    with pytest.raises(TidemillError) as refusal:
        await make().publish("", definition(f("a")))
    assert refusal.value.reason_name == "DOCUMENT_UNAVAILABLE"
    way = f"{f('a')}: /do/0/none/call"
    assert refusal.value.message == f"/do/0/task0/call: {way}: {f('none')} cannot be fetched: it answers 404"
    assert refusal.value.metadata == {
        "uri": f("none"),
        "pointer": "/do/0/task0/call",
        "detail": "it answers 404",
    }
    page = "https://github.com/o/r/blob/main/f.yaml"
    with pytest.raises(TidemillError) as refusal:
        await make().publish("", definition(page))
    raw = "https://raw.githubusercontent.com/o/r/refs/heads/main/f.yaml"
    assert refusal.value.message == f"/do/0/task0/call: {page} ({raw}) cannot be fetched: it answers 404"


async def test_a_function_that_needs_what_is_not_built_yet_is_refused_by_name(
    make: Callable[[], Catalogue], web: Web
) -> None:
    avro: Json = {"schema": {"format": "avro", "document": {}}}
    web.put(a={**SET, "input": avro})
    with pytest.raises(TidemillError) as refusal:
        await make().publish("", definition(f("a")))
    assert refusal.value.reason_name == "UNSUPPORTED_FEATURE"
    assert refusal.value.metadata["pointer"] == "/do/0/task0/call"
    place = f"/do/0/task0/call: {f('a')}: /input/schema/format"
    assert refusal.value.message == f"{place}: the schema format `avro` is not supported yet"


async def test_what_functions_listen_to_is_told_with_the_definition(
    make: Callable[[], Catalogue], web: Web
) -> None:
    web.put(a={"listen": {"to": {"one": {"with": {"type": "paid"}}}}})
    row, _, _ = await make().publish("", definition(f("a")))
    assert [one.event_type for one in pb.Definition.FromString(row.listens).listens] == ["paid"]


async def test_one_uri_may_be_named_as_several_things(make: Callable[[], Catalogue], web: Web) -> None:
    """A function that is a schema, too: it is fetched once, and read as both."""
    schema: Json = {"schema": {"resource": {"endpoint": f("b")}}}
    web.put(a={**calling("b"), "input": schema}, b={**SET, "input": schema})
    row, _, _ = await make().publish("", definition(f("a")))
    assert len(pb.Definition.FromString(row.pinned).pinned_documents) == 2


async def test_a_proto_that_cannot_be_compiled_refuses_the_publish(
    make: Callable[[], Catalogue], web: Web
) -> None:
    uri = "https://f.test/a.proto"
    service: Json = {"name": "A", "host": "a.test"}
    given: Json = {"proto": {"endpoint": "a.proto"}, "service": service, "method": "get"}
    web.put(a={"call": "grpc", "with": given})
    web.contents[uri] = b"mess"
    web.text_faults["mess"] = "the .proto file cannot be compiled: it is a mess"
    assert await refused(make(), definition(f("a"))) == (
        "/do/0/task0/call",
        f"{f('a')}: /with/proto/endpoint: {uri}: the .proto file cannot be compiled: it is a mess",
    )
    web.contents[uri] = b"fine"
    assert (await make().publish("", definition(f("a"))))[1]


async def test_a_proto_that_no_call_leads_to_is_looked_at_too(
    make: Callable[[], Catalogue], web: Web
) -> None:
    uri = "https://f.test/a.proto"
    given: Json = {"proto": {"endpoint": uri}, "service": {"name": "A", "host": "a.test"}, "method": "get"}
    web.put(a=SET)
    web.contents[uri] = b"\xff"
    unused: Json = {"unused": {"call": "grpc", "with": given}}
    assert await refused(make(), definition(f("a"), functions=unused)) == (
        "/use/functions/unused/with/proto/endpoint",
        f"{uri}: it is not UTF-8 (byte 0)",
    )


class TestYaml:
    YAML = b"# A comment.\nset: {a: 1, b: 1.0}\n"

    async def test_what_is_read_as_a_value_is_kept_in_json_beside_what_it_was(
        self, make: Callable[[], Catalogue], web: Web, store: MemoryStore
    ) -> None:
        web.contents[f("a")] = self.YAML
        row, _, _ = await make().publish("", definition(f("a")))
        [pinned] = pb.Definition.FromString(row.pinned).pinned_documents
        contents = await store.contents([pinned.digest, pinned.json_digest])
        assert contents == {pinned.digest: self.YAML, pinned.json_digest: b'{"set":{"a":1,"b":1.0}}'}
        assert all(hashlib.sha256(content).hexdigest() == digest for digest, content in contents.items())
        later = make()
        await later.load()
        assert sets_of(later, "1.0.0") == [{"set": {"a": 1, "b": 1.0}}]

    async def test_what_is_read_as_text_is_kept_as_it_is(
        self, make: Callable[[], Catalogue], web: Web
    ) -> None:
        beside: Json = {"language": "python", "source": {"endpoint": "a.py"}}
        web.put(a={"run": {"script": beside}})
        web.contents["https://f.test/a.py"] = b"a: 1\n"
        row, _, _ = await make().publish("", definition(f("a")))
        assert [one.json_digest for one in pb.Definition.FromString(row.pinned).pinned_documents] == ["", ""]

    async def test_a_definition_that_was_stored_without_json_is_read_as_before(
        self, make: Callable[[], Catalogue], web: Web, store: MemoryStore
    ) -> None:
        web.contents[f("a")] = self.YAML
        first = make()
        row, _, _ = await first.publish("", definition(f("a")))
        digest = hashlib.sha256(self.YAML).hexdigest()
        before = pb.Definition(pinned_documents=[pb.PinnedDocument(uri=f("a"), digest=digest)])
        older = replace(row, version="0.9.0", pinned=before.SerializeToString())
        await store.publish(older, {digest: self.YAML})
        later = make()
        await later.load()
        assert sets_of(later, "0.9.0") == [{"set": {"a": 1, "b": 1.0}}]

    @pytest.mark.parametrize(
        ("content", "data"),
        [
            (b"a: 1", b'{"a":1}'),
            (b"a: 1.0\nb: [x, 2026-01-01, yes]", b'{"a":1.0,"b":["x","2026-01-01","yes"]}'),
            ('{a: "ü"}'.encode(), '{"a":"ü"}'.encode()),
            # Already JSON.
            (b'{"a": 1}', None),
            (b"[1, 2]", None),
            # Neither.
            (b"a: [", None),
            (b"\xff", None),
            (b"", None),
            # What JSON has no word for.
            (b"a: .nan", None),
            (b"a: 123456789012345678901234567890", None),
        ],
    )
    def test_the_json_of_a_content(self, content: bytes, data: bytes | None) -> None:
        assert json_form(content) == data
