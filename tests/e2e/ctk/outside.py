"""The two web services that the conformance kit calls, as far as it calls them, on this machine."""

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PETSTORE = "petstore.swagger.io"
HTTPBIN = "httpbin.org"
PET_NAMES = {1: "Rex", 2: "Tom", 3: "Jerry"}


@dataclass(frozen=True)
class Answer:
    """What a service answers with."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


@contextmanager
def serving() -> Iterator[str]:
    """Serve both; yields the value of TIDEMILL_ACTIONS_HTTP_HOSTS that sends their hosts here."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        here = f"http://127.0.0.1:{server.server_port}"
        yield ",".join(f"{host}={here}" for host in (PETSTORE, HTTPBIN))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        answer = _answer(
            self.headers.get("host", ""), urlsplit(self.path), self.headers.get("authorization", "")
        )
        body = json.dumps(answer.body).encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has there
        """Say nothing."""


def _answer(host: str, url: Any, authorization: str) -> Answer:  # noqa: ANN401 - SplitResult, untyped here
    if host == PETSTORE:
        return _petstore(url.path, parse_qs(url.query))
    if host == HTTPBIN:
        return _httpbin(url.path, authorization)
    return Answer(421, {"message": f"nobody serves {host}"})


def _petstore(path: str, query: dict[str, list[str]]) -> Answer:
    if path == "/v2/pet/findByStatus" and query.get("status") == ["available"]:
        return Answer(200, [_pet(number) for number in PET_NAMES])
    found = re.fullmatch(r"/v2/pet/(\d+)", path)
    if found and int(found[1]) in PET_NAMES:
        return Answer(200, _pet(int(found[1])))
    return Answer(404, {"code": 404, "type": "unknown", "message": "not found"})


def _pet(number: int) -> dict[str, Any]:
    return {"id": number, "name": PET_NAMES[number], "status": "available"}


def _httpbin(path: str, authorization: str) -> Answer:
    found = re.fullmatch(r"/basic-auth/([^/]+)/([^/]+)", path)
    if found is None:
        return Answer(404, {})
    wanted = base64.b64encode(f"{found[1]}:{found[2]}".encode()).decode()
    if authorization != f"Basic {wanted}":
        return Answer(401, {}, {"www-authenticate": 'Basic realm="Fake Realm"'})
    return Answer(200, {"authenticated": True, "user": found[1]})
