"""The outside world for tests: a real HTTP server on a free port that remembers what it was sent."""

import json
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Reply:
    """What is answered to a path; `delay_seconds` passes first, `cut` ends the connection in the body."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay_seconds: float = 0.0
    cut: bool = False


class Provider:
    """The server's address, its replies by path, and its requests in order."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.replies: dict[str, Reply] = {}
        self.received: list[Received] = []

    def on(self, path: str, reply: Reply) -> str:
        """Answer the path (without its query) with the reply; gives the URL."""
        self.replies[path] = reply
        return self.url + path

    def json(self, path: str, value: object, status: int = 200) -> str:
        """Answer the path with a JSON value."""
        body = json.dumps(value).encode()
        return self.on(path, Reply(status, {"Content-Type": "application/json; charset=utf-8"}, body))

    @property
    def last(self) -> Received:
        return self.received[-1]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    provider: Provider

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has gone away is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def handle_one_request(self) -> None:
        # Any method is fine here, also such as the library has no function for.
        self.raw_requestline = self.rfile.readline(65_537)
        if not self.raw_requestline:
            self.close_connection = True
        elif self.parse_request():
            self._answer()

    def _answer(self) -> None:
        provider = self.server.provider
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        provider.received.append(Received(self.command, self.path, headers, body))
        reply = provider.replies.get(self.path.partition("?")[0], Reply(404, {}, b"no such path"))
        time.sleep(reply.delay_seconds)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body) + (10 if reply.cut else 0)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)
        self.wfile.flush()
        self.close_connection = self.close_connection or reply.cut

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def running_provider() -> Iterator[Provider]:
    """A provider for as long as the block runs."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.provider = Provider(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def compressed(data: bytes) -> Reply:
    """A reply whose body travels compressed."""
    return Reply(200, {"Content-Type": "text/plain", "Content-Encoding": "deflate"}, zlib.compress(data))
