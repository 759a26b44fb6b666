"""Functions from a real web server and from files, through a real Engine, and every way to fail."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import orjson
import pytest

from tests.contract.engine_bench import EngineBench, reason_of, running_engine
from tidemill.api.engine.v1 import definition_service_pb2 as pb
from tidemill.json import Json

Serve = Callable[[asyncio.StreamWriter], Awaitable[None]]
PASSWORD = "s3cret-of-the-catalog"
LOG = b"# Says what it is given.\ninput: {from: .text}\nset: {said: '${ . }'}\n"


def response(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@dataclass
class Site:
    """A web server: what it sends for each path. Paths below /private/ need the password."""

    base: str = ""
    sent: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    # Answers to nobody.
    silent: set[str] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, on a connection of its own."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = head.split(" ")[1]
            self.asked.append(path)
            if path in self.silent:
                await reader.read()
            elif path.startswith("/private/") and f"Basic {self.credentials}" not in head:
                writer.write(response(b"", status="401 Unauthorized"))
            else:
                writer.write(self.sent.get(path, response(b"", status="404 Not Found")))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            # Whoever asked has gone.
            pass
        finally:
            writer.close()

    credentials = base64.b64encode(f"ada:{PASSWORD}".encode()).decode()


@asynccontextmanager
async def serving() -> AsyncIterator[Site]:
    site = Site()
    server = await asyncio.start_server(site.serve, "127.0.0.1", 0)
    site.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield site
    finally:
        server.close()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serving() as site:
        yield site


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[EngineBench]:
    (tmp_path / "documents").mkdir()
    folder = str(tmp_path / "documents")
    limits: dict[str, Any] = {"fetch_bytes_max": 50_000, "fetch_redirects_max": 2}
    async with running_engine(tmp_path / "data", fetch_folder=folder, **limits) as bench:
        yield bench


async def publish(bench: EngineBench, call: str, **members: Json) -> pb.Definition:
    """A definition of this one call."""
    task: Json = {"call": call, "with": {"text": "Hello"}}
    header: Json = {"dsl": "1.0.3", "namespace": "shop", "name": "cart", "version": "1.0.0"}
    document: Json = {"document": header, "do": [{"say": task}], **members}
    answer = await bench.definitions.Publish(pb.PublishRequest(document=orjson.dumps(document)))
    return answer.definition


async def refusal(bench: EngineBench, call: str, **members: Json) -> tuple[str, str]:
    """The reason and the sentence of a publish that is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await publish(bench, call, **members)
    with pytest.raises(grpc.aio.AioRpcError) as unknown:
        await bench.definitions.Get(pb.GetRequest(namespace="shop", name="cart"))
    assert reason_of(unknown.value) == "DEFINITION_NOT_FOUND"
    return reason_of(refused.value), refused.value.details() or ""


async def said(bench: EngineBench) -> Json:
    closed = await bench.closed(await bench.start())
    output: Json = orjson.loads(closed.output.data)
    return output


def catalog(site: Site, **endpoint: Json) -> Json:
    """`use` with a catalog that needs a password."""
    login: Json = {"basic": {"username": "ada", "password": PASSWORD}}
    return {
        "catalogs": {
            "shelf": {"endpoint": {"uri": f"{site.base}/private", "authentication": {"use": "ours"}}},
            **endpoint,
        },
        "authentications": {"ours": login},
    }


async def test_a_function_of_a_catalog_is_fetched_with_its_password_and_runs(
    bench: EngineBench, site: Site
) -> None:
    site.sent["/private/functions/log/1.0.0/function.yaml"] = response(LOG)
    definition = await publish(bench, "log:1.0.0@shelf", use=catalog(site))
    assert site.asked == ["/private/functions/log/1.0.0/function.yaml"]
    assert await said(bench) == {"said": "Hello"}
    [pinned] = definition.pinned_documents
    assert pinned.uri == f"{site.base}/private/functions/log/1.0.0/function.yaml"
    site.sent.clear()
    assert await publish(bench, "log:1.0.0@shelf", use=catalog(site)) == definition


async def test_a_function_is_fetched_by_its_url_through_redirections(bench: EngineBench, site: Site) -> None:
    site.sent["/log"] = response(b"", "location: /moved", status="302 Found")
    site.sent["/moved"] = response(LOG)
    await publish(bench, f"{site.base}/log")
    assert await said(bench) == {"said": "Hello"}
    assert site.asked == ["/log", "/moved"]


async def test_functions_of_files_are_found_in_the_folder(bench: EngineBench, tmp_path: Path) -> None:
    place = tmp_path / "documents" / "catalog" / "functions" / "log" / "1.0.0"
    place.mkdir(parents=True)
    (place / "function.yaml").write_text("call: 'file:plain.yaml'\nwith: {text: '${ .text }'}\n")
    (tmp_path / "documents" / "plain.yaml").write_bytes(LOG)
    await publish(bench, "log:1.0.0@files", use={"catalogs": {"files": {"endpoint": "file:catalog"}}})
    assert await said(bench) == {"said": "Hello"}


FAULTS = {
    "/none": (None, "it answers 404"),
    "/error": (response(b"", status="500 Oops"), "it answers 500"),
    "/huge": (response(b"x" * 50_001), "it has more than 50000 bytes (fetch_bytes_max)"),
    "/endless": (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 60_000, "it has more than 50000 bytes"),
    "/broken": (b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nset:", "the answer broke off ("),
    "/no-http": (b"set: {a: 1}\n", "the answer broke off ("),
    "/round": (response(b"", "location: /round", status="302 Found"), "it was redirected more than 2 times"),
    "/away": (response(b"", "location: file:///etc/passwd", status="302 Found"), "it is, or leads to,"),
    "/private/f": (None, "it answers 401"),
}  # fmt: skip


async def test_every_failure_of_a_server_refuses_the_publish_in_a_sentence(
    bench: EngineBench, site: Site
) -> None:
    site.sent |= {path: sent for path, (sent, _) in FAULTS.items() if sent is not None}
    for path, (_, sentence) in FAULTS.items():
        reason, told = await refusal(bench, f"{site.base}{path}")
        assert reason == "DOCUMENT_UNAVAILABLE"
        assert told.startswith(f"/do/0/say/call: {site.base}{path} cannot be fetched: {sentence}"), path
        # The same, when a function leads there.
        site.sent["/outer"] = response(f"do: [{{in: {{call: '{site.base}{path}'}}}}]".encode())
        reason, told = await refusal(bench, f"{site.base}/outer")
        way = f"/do/0/say/call: {site.base}/outer: /do/0/in/call: {site.base}{path}"
        assert told.startswith(f"{way} cannot be fetched: {sentence}"), path


async def test_a_silent_server_refuses_the_publish_in_time(tmp_path: Path, site: Site) -> None:
    site.silent.add("/silent")
    async with running_engine(tmp_path / "data", fetch_timeout_us=300_000) as bench:
        reason, told = await refusal(bench, f"{site.base}/silent")
    assert reason == "DOCUMENT_UNAVAILABLE"
    late = "it did not come within 0.3 s (fetch_timeout_us)"
    assert told == f"/do/0/say/call: {site.base}/silent cannot be fetched: {late}"


async def test_nobody_there_refuses_the_publish(bench: EngineBench) -> None:
    async with serving() as gone:
        pass
    reason, told = await refusal(bench, f"{gone.base}/f")
    assert reason == "DOCUMENT_UNAVAILABLE"
    assert told.startswith(f"/do/0/say/call: {gone.base}/f cannot be fetched: nobody can be reached there")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"<html><body>Sign in</body></html>", "/: the document must be a task"),
        (b"set: [", "/: the document is not YAML: "),
        (b'{"set": ', "/: the document: unexpected end of data"),
        (b"document: {dsl: 1.0.3}\ndo: [{a: {set: {a: 1}}}]", "/document: `document` is not known"),
        (b"run: {script: {language: python, arguments: {a: 1}, code: x}}",
         "/run/script/arguments: `arguments` must be a list of texts"),
    ],
)  # fmt: skip
async def test_an_answer_that_is_no_function_refuses_the_publish(
    bench: EngineBench, site: Site, content: bytes, sentence: str
) -> None:
    site.sent["/private/functions/log/1.0.0/function.yaml"] = response(content)
    reason, told = await refusal(bench, "log:1.0.0@shelf", use=catalog(site))
    uri = f"{site.base}/private/functions/log/1.0.0/function.yaml"
    assert (reason, told[: len(f"/do/0/say/call: {uri}: ")]) == (
        "INVALID_DOCUMENT",
        f"/do/0/say/call: {uri}: ",
    )
    assert told.removeprefix(f"/do/0/say/call: {uri}: ").startswith(sentence)
    assert PASSWORD not in told


async def test_a_circle_of_functions_refuses_the_publish(bench: EngineBench, site: Site) -> None:
    site.sent["/a"] = response(f"call: {site.base}/b".encode())
    site.sent["/b"] = response(f"call: {site.base}/a".encode())
    reason, told = await refusal(bench, f"{site.base}/a")
    assert reason == "INVALID_DOCUMENT"
    assert told.startswith(f"/do/0/say/call: {site.base}/b: /call: a function may not call itself")
    assert site.asked == ["/a", "/b"]


async def test_a_proto_is_compiled_when_it_is_published(bench: EngineBench, site: Site) -> None:
    service: Json = {"name": "shop.Stock", "host": "127.0.0.1", "port": 1}
    given: Json = {"proto": {"endpoint": "stock.proto"}, "service": service, "method": "Look"}
    site.sent["/f"] = response(orjson.dumps({"call": "grpc", "with": given}))
    site.sent["/stock.proto"] = response(b'syntax = "proto3";\nmessage Item { strin sku = 1; }\n')
    reason, told = await refusal(bench, f"{site.base}/f")
    assert reason == "INVALID_DOCUMENT"
    way = f"/do/0/say/call: {site.base}/f: /with/proto/endpoint: {site.base}/stock.proto"
    assert told.startswith(f"{way}: the .proto file cannot be compiled: service.proto:2:16: ")
    assert '"strin" is not defined' in told
    site.sent["/stock.proto"] = response(b'syntax = "proto3";\nmessage Item { string sku = 1; }\n')
    assert (await publish(bench, f"{site.base}/f")).version == "1.0.0"
