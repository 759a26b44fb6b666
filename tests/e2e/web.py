"""A web service on this machine, made of one function; and one that answers with what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    """What was asked; the names of headers are in lower case, a body that is no JSON is text."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Answer:
    """What to answer with; the body is sent as JSON, and bytes as they are."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


Service = Callable[[Request], Answer]


@contextmanager
def serving(service: Service) -> Iterator[str]:
    """Serve on a free port; yields the base URL."""

    class Handler(_Handler):
        answer = staticmethod(service)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answer: Service

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(
            self.command,
            parts.path,
            dict(parse_qsl(parts.query)),
            headers,
            _content(body),
        )
        self._send(self.answer(request))

    def _send(self, answer: Answer) -> None:
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        for name, value in (answer.headers | {"content-type": "application/json"}).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has there
        """Say nothing."""


def _content(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode(errors="replace")


def echo(request: Request) -> Answer:
    """`/status/N` answers N, `/moved/PATH` redirects to `/PATH`, all else is told back."""
    if request.path.startswith("/status/"):
        return Answer(int(request.path.rpartition("/")[2]), {"message": "as asked"})
    if request.path.startswith("/moved/"):
        return Answer(302, {}, {"location": request.path.removeprefix("/moved")})
    return Answer(200, vars(request))
