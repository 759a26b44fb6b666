"""How a provider takes requests: in which mood, what it remembers of keys, what it counts."""

import asyncio
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tidemill.json import Json, JsonError, loads
from tidemill.testing.effects import Effects, Identity, Mood, Outcome, Temper, identity_of

KEY_HEADER: Final = "idempotency-key"
_OUTCOMES: Final = {Mood.PROMPT: Outcome.SENT, Mood.SLOW: Outcome.SLOW, Mood.SILENT: Outcome.SILENT}


@dataclass(frozen=True, slots=True)
class _Order:
    """One request: what it is for, under which key, to whom."""

    key: str
    identity: Identity
    to: str


class Desk:
    """An ASGI application that sends what is posted to any of its paths.

    A body names its `eventId` and `task` (the identity that effects are counted by) and may have a `to`: what
    is neither an e-mail address nor a number that starts with + is answered 422. A repeated Idempotency-Key
    gets the first answer, as soon as there is one, and nothing is done again.
    """

    def __init__(self, temper: Temper) -> None:
        self._temper = temper
        self._effects = Effects()
        self._tries: Counter[Identity] = Counter()
        self._answers: dict[str, asyncio.Future[Json]] = {}
        self._lock = threading.Lock()
        self._closing = asyncio.Event()
        self.application = Starlette(routes=[Route("/{path:path}", self._take, methods=["POST"])])

    def effects(self) -> Effects:
        """What was done until now; may be asked from any thread."""
        with self._lock:
            return self._effects.copy()

    def close(self) -> None:
        """Let nobody wait any longer; to be called on the application's event loop."""
        self._closing.set()

    async def _take(self, request: Request) -> JSONResponse:
        try:
            order = _order_of(request.headers.get(KEY_HEADER, ""), loads(await request.body()))
        except (ClientDisconnect, JsonError):
            order = None
        if order is None:
            self._count(Outcome.MALFORMED)
            return _problem(400, "the body is no JSON object that names an eventId and a task")
        first = self._answers.get(order.key)
        if first is not None:
            self._count(Outcome.REPEATED)
            return JSONResponse(await asyncio.shield(first))
        return await self._handle(order, self._next_mood(order.identity))

    async def _handle(self, order: _Order, mood: Mood) -> JSONResponse:
        if mood is Mood.REFUSING:
            self._count(Outcome.REFUSED)
            return _problem(503, "too busy, come again")
        if not _is_address(order.to):
            self._count(Outcome.UNDELIVERABLE)
            return _problem(422, f"{order.to} is no address")
        answer = self._promise(order.key)
        if mood is Mood.SLOW:
            await self._pause(self._temper.slow_seconds)
        answer.set_result(self._do(order, _OUTCOMES[mood]))
        if mood is Mood.SILENT:
            await self._pause(self._temper.silent_seconds)
        return JSONResponse(answer.result())

    def _do(self, order: _Order, outcome: Outcome) -> Json:
        """The effect itself: from here on the message is out."""
        with self._lock:
            self._effects.outcomes[outcome] += 1
            self._effects.add(order.identity, order.key)
            return {"message": self._effects.made}

    def _promise(self, key: str) -> "asyncio.Future[Json]":
        answer: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        if key and self._temper.honours_keys:
            self._answers[key] = answer
        return answer

    def _next_mood(self, identity: Identity) -> Mood:
        tries = self._tries[identity]
        self._tries[identity] += 1
        return self._temper.mood(identity, tries)

    def _count(self, outcome: Outcome) -> None:
        with self._lock:
            self._effects.outcomes[outcome] += 1

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return


def _order_of(key: str, body: Json) -> _Order | None:
    identity = identity_of(body)
    if identity is None or not isinstance(body, dict):
        return None
    to = body.get("to")
    return _Order(key, identity, to if isinstance(to, str) else "")


def _is_address(to: str) -> bool:
    return not to or "@" in to or to.startswith("+")


def _problem(status: int, detail: str) -> JSONResponse:
    return JSONResponse({"status": status, "detail": detail}, status_code=status)
