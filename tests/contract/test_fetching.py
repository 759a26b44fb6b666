"""Documents are fetched from real sockets and files, within limits, and every failure is one sentence."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tidemill.engine.documents.fetching import Fetcher, FetchError, FetchLimits
from tidemill.json import Json

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Answer = Callable[[str, dict[str, str]], bytes | None]
BODY = b'{"openapi": "3.0.0"}'


def response(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[str]:
    """A server that does this with each connection; yields its base."""
    under_way: set[asyncio.Task[Any] | None] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        under_way.add(asyncio.current_task())
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await asyncio.gather(*filter(None, under_way))


def web(answer: Answer) -> AbstractAsyncContextManager[str]:
    """A server that sends these bytes for a path and headers, and nothing at all for None."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (line.partition(": ") for line in head[1:] if line)
        sent = answer(head[0].split(" ")[1], {name.lower(): value for name, _, value in pairs})
        if sent is None:
            await reader.read()
        else:
            writer.write(sent)

    return listening(serve)


def fetcher(*, folder: Path | None = None, hosts: dict[str, str] | None = None, **limits: Any) -> Fetcher:  # noqa: ANN401
    given = {"timeout_us": 5_000_000, "bytes_max": 100_000, "redirects_max": 3, "at_once_max": 4} | limits
    return Fetcher(FetchLimits(**given), hosts=hosts or {}, folder=folder)


async def refusal(uri: str, made: Fetcher) -> str:
    with pytest.raises(FetchError) as refused:
        await made.fetch(uri)
    return str(refused.value)


async def test_a_document_comes_as_it_is() -> None:
    async with web(lambda path, _: response(BODY) if path == "/api?v=1" else None) as base:
        assert await fetcher().fetch(f"{base}/api?v=1") == BODY


async def test_it_is_asked_for_without_packing_and_as_json_or_yaml() -> None:
    seen: dict[str, str] = {}

    def answer(_path: str, headers: dict[str, str]) -> bytes:
        seen.update(headers)
        return response(BODY)

    async with web(answer) as base:
        await fetcher().fetch(base)
    assert seen["accept-encoding"] == "identity"
    assert seen["accept"].startswith("application/json")
    assert not {"authorization", "cookie"} & seen.keys()


@pytest.mark.parametrize(
    ("authentication", "header"),
    [
        ({"bearer": {"token": "t0k"}}, "Bearer t0k"),
        ({"basic": {"username": "a", "password": "b"}}, f"Basic {base64.b64encode(b'a:b').decode()}"),
    ],
)
async def test_credentials_go_with_the_request_and_stay_with_their_host(
    authentication: Json, header: str
) -> None:
    seen: list[str] = []

    def elsewhere(_path: str, headers: dict[str, str]) -> bytes:
        seen.append(headers.get("authorization", "none"))
        return response(BODY)

    async with web(elsewhere) as other:

        def answer(_path: str, headers: dict[str, str]) -> bytes:
            seen.append(headers.get("authorization", "none"))
            return response(b"", f"location: {other}/moved", status="302 Found")

        async with web(answer) as base:
            assert await fetcher().fetch(base, authentication) == BODY
    assert seen == [header, "none"]


async def test_chosen_hosts_are_fetched_elsewhere() -> None:
    seen: list[str] = []

    def answer(path: str, headers: dict[str, str]) -> bytes:
        seen.append(headers["host"] + path)
        return response(BODY)

    async with web(answer) as base:
        made = fetcher(hosts={"api.example.com": f"{base}/stub"})
        assert await made.fetch("https://api.example.com/v1/openapi.json") == BODY
    assert seen == ["api.example.com/stub/v1/openapi.json"]


async def test_redirections_are_followed_up_to_a_limit() -> None:
    def answer(path: str, _headers: dict[str, str]) -> bytes:
        left = int(path[1:])
        return response(BODY) if not left else response(b"", f"location: /{left - 1}", status="307 Moved")

    async with web(answer) as base:
        assert await fetcher().fetch(f"{base}/3") == BODY
        sentence = "it was redirected more than 3 times (fetch_redirects_max)"
        assert await refusal(f"{base}/4", fetcher()) == sentence


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        (response(b"", status="404 Not Found"), "it answers 404"),
        (response(b"", status="500 Oops"), "it answers 500"),
        (response(b"", status="204 No Content"), "it answers 204"),
        (response(b"", "location: file:///etc/passwd", status="302 Found"), "it is, or leads to, what is no"),
        (response(b"", "location: ftp://a.test/b", status="302 Found"), "it is, or leads to, what is no"),
        (response(b"x", "content-encoding: gzip"), "it comes packed (gzip), which was not asked for"),
        (response(b"x" * 100_001), "it has more than 100000 bytes (fetch_bytes_max)"),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + b"x" * 100_001, "it has more than 100000 bytes"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nx", "the answer broke off ("),
        (b"no HTTP at all\r\n\r\n", "the answer broke off ("),
        (b"", "the answer broke off ("),
    ],
)  # fmt: skip
async def test_every_bad_answer_has_its_sentence(sent: bytes, sentence: str) -> None:
    async with web(lambda _path, _headers: sent) as base:
        assert (await refusal(base, fetcher())).startswith(sentence)


async def test_the_largest_document_that_is_taken_is_taken() -> None:
    async with web(lambda _path, _headers: response(b"x" * 100_000)) as base:
        assert len(await fetcher().fetch(base)) == 100_000


async def test_nobody_there_is_a_sentence() -> None:
    async with web(lambda _path, _headers: None) as base:
        pass
    assert (await refusal(base, fetcher())).startswith("nobody can be reached there (")


async def test_a_silent_server_is_waited_for_no_longer_than_the_limit() -> None:
    async with web(lambda _path, _headers: None) as base:
        sentence = await refusal(base, fetcher(timeout_us=200_000))
    assert sentence == "it did not come within 0.2 s (fetch_timeout_us)"


async def test_a_slow_server_is_one_that_does_not_finish_in_time() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        while not reader.at_eof() and not writer.is_closing():
            writer.write(b"x")
            await asyncio.sleep(0.01)

    async with listening(drip) as base:
        assert "within 0.3 s" in await refusal(base, fetcher(timeout_us=300_000))


async def test_no_more_are_fetched_at_once_than_is_allowed() -> None:
    now, most = 0, 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.02)
        now -= 1
        writer.write(response(BODY))

    async with listening(serve) as base:
        made = fetcher(at_once_max=2)
        await asyncio.gather(*(made.fetch(f"{base}/{number}") for number in range(6)))
    assert most == 2


class TestFiles:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path / "documents"
        (folder / "more").mkdir(parents=True)
        (folder / "api.json").write_bytes(BODY)
        (folder / "more" / "a b.json").write_bytes(b"more")
        (tmp_path / "secret.json").write_text("secret")
        (folder / "link.json").symlink_to(tmp_path / "secret.json")
        return folder

    @pytest.mark.parametrize(
        ("uri", "content"),
        [
            ("file:api.json", BODY),
            ("file://api.json", BODY),
            ("file:{}/api.json", BODY),
            ("file://{}/api.json", BODY),
            ("file://localhost{}/api.json", BODY),
            ("file:more/a%20b.json", b"more"),
            ("file:more/../api.json", BODY),
        ],
    )
    async def test_files_of_the_folder_are_read(self, folder: Path, uri: str, content: bytes) -> None:
        assert await fetcher(folder=folder).fetch(uri.format(folder)) == content

    @pytest.mark.parametrize(
        "uri", ["file:../secret.json", "file:%2e%2e/secret.json", "file:///etc/passwd", "file:link.json"]
    )
    async def test_nothing_else_is(self, folder: Path, uri: str) -> None:
        sentence = "it is not in the folder that TIDEMILL_ENGINE_FETCH_FOLDER names"
        assert await refusal(uri, fetcher(folder=folder)) == sentence

    async def test_what_is_no_file_or_too_large_is_refused(self, folder: Path) -> None:
        assert await refusal("file:none.json", fetcher(folder=folder)) == "there is no such file"
        assert await refusal("file:more", fetcher(folder=folder)) == "there is no such file"
        sentence = "it has more than 5 bytes (fetch_bytes_max)"
        assert await refusal("file:api.json", fetcher(folder=folder, bytes_max=5)) == sentence

    async def test_without_a_folder_no_file_is_read(self, folder: Path) -> None:
        sentence = "files are read from the folder alone that TIDEMILL_ENGINE_FETCH_FOLDER names"
        assert await refusal(f"file://{folder}/api.json", fetcher()) == sentence
