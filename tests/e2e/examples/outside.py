"""Every web service that the examples call, as one stub: what it answers follows from what it is asked.

Pets: 404 is not there, 503 is there at the second time of asking, from 900 on a token is needed. Those that
have `moved` are redirected to.
"""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote, urlencode

from tests.e2e.ctk.outside import PETSTORE, SWAGGER
from tests.e2e.examples.case import Asked
from tests.e2e.examples.programs import LOG, LOG_URL
from tests.e2e.web import Answer, Request
from tidemill.json import Json

HOSTS: Final = (
    PETSTORE,
    *("swapi.dev", "superbet-casinos.com", "fake-hospital.com", "fake-chat-api.com", "fake.com", "myorg.io"),
    *("virtual-wf-powered-race.com", "mocked.service.com", "hospital.example.com"),
    *("external-service.example.com", "raw.githubusercontent.com"),
)
TOKEN: Final = "t0ken-of-the-pets"
ORDERS: Final[dict[str, Json]] = {
    "openapi": "3.0.0",
    "servers": [{"url": "http://myorg.io"}],
    "paths": {
        "/readings": {"post": {"operationId": "logreading"}},
        "/report": {"post": {"operationId": "produceReport"}},
    },
}
LUKE: Final[dict[str, Json]] = {"name": "Luke Skywalker", "homeworld": "https://swapi.dev/api/planets/1/"}
TATOOINE: Final[dict[str, Json]] = {"name": "Tatooine"}
AVAILABLE: Final[list[Json]] = [{"id": 1, "name": "Rex", "status": "available"}]
_PATIENCE_SECONDS: Final = 30.0


def pet(number: int) -> dict[str, Json]:
    """A pet of the store."""
    return {"id": number, "name": f"pet {number}", "status": "available"}


class Outside:
    """The stub. `asked` has the calls by the idempotency key that they came with."""

    def __init__(self, is_token: Callable[[str], bool]) -> None:
        self.asked: list[tuple[str, Asked]] = []
        # Sets free who waits for the end of the tests.
        self.over = threading.Event()
        self._is_token = is_token
        self._doctor_asked = threading.Event()
        self._tries: Counter[str] = Counter()

    def of(self, execution_id: str) -> list[Asked]:
        """The calls of an execution, in the order in which they came."""
        return [asked for key, asked in self.asked if key.startswith(f"{execution_id}:")]

    def answer(self, request: Request) -> Answer:
        """Answer as the host that was meant."""
        key = unquote(request.headers.get("idempotency-key", ""))
        host = request.headers["host"]
        query = f"?{urlencode(request.query)}" if request.query else ""
        # The host stands for either scheme: what is redirected to a stub has lost its own.
        url = f"{host}{request.path}{query}"
        asked = Asked(method=request.method, url=url, body=request.body, headers=request.headers)
        self.asked.append((key, asked))
        self._tries[f"{key} {url}"] += 1
        match host:
            case "petstore.swagger.io":
                return self._petstore(request, self._tries[f"{key} {url}"])
            case "swapi.dev":
                return _star_wars(request)
            case "fake-hospital.com":
                return self._hospital(request)
            case "external-service.example.com":
                return Answer(503, {"message": "back soon"})
            case "raw.githubusercontent.com" if f"https://{url}" == LOG_URL:
                return Answer(200, LOG)
            case "myorg.io" if request.path == "/ordersservices.json":
                return Answer(200, ORDERS)
            case _:
                return Answer(200, {"done": request.path})

    def _petstore(self, request: Request, tries: int) -> Answer:
        if request.path == "/v2/swagger.json":
            return Answer(200, SWAGGER)
        if request.path == "/v2/pet/findByStatus":
            if request.query["status"] == "moved":
                return Answer(302, {}, {"location": "/v2/pet/findByStatus?status=available"})
            return Answer(200, AVAILABLE)
        if request.method == "PUT":
            return Answer(200, {"stored": request.body})
        number = int(request.path.removeprefix("/v2/pet/"))
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if number == 404:
            return Answer(404, {"message": "Pet not found"})
        if number == 503 and tries == 1:
            return Answer(503, {"message": "back soon"})
        if number >= 900 and (scheme, self._is_token(token)) != ("Bearer", True):
            return Answer(401, {"message": "who are you?"})
        return Answer(200, pet(number))

    def _hospital(self, request: Request) -> Answer:
        """The nurse answers once the doctor was called, too; the doctor is busy."""
        if request.path.endswith("/doctor"):
            self._doctor_asked.set()
            self.over.wait(_PATIENCE_SECONDS)
        else:
            self._doctor_asked.wait(_PATIENCE_SECONDS)
        return Answer(200, {"comes": request.path.rpartition("/")[2]})


def _star_wars(request: Request) -> Answer:
    if request.path.startswith("/api/planets/"):
        return Answer(200, TATOOINE)
    if request.path == "/api/people/4":
        return Answer(200, LUKE)
    if request.query.get("search") == "moved":
        return Answer(302, {}, {"location": "https://swapi.dev/api/people/?search=luke"})
    return Answer(200, {"results": [LUKE]})
