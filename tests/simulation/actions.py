"""A scripted outside world: answers calls as the Action service does, once for each key and attempt."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from tests.claim_checks import in_memory
from tidemill.api.actions.v1 import action_service_pb2 as pb
from tidemill.api.errors.v1.problem_pb2 import Problem
from tidemill.api.events.v1 import history_pb2
from tidemill.blobs.claim_check import ClaimCheck
from tidemill.engine.runtime.calls import Calls
from tidemill.engine.runtime.sessions import Session
from tidemill.json import Json, dumps, loads

CallKey: TypeAlias = tuple[str, int]


class Hang:
    """What a handler gives for a call that never ends by itself."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What a handler gives for a call that fails."""

    status: int = 500
    type: str = "https://open-workflow-specification.org/spec/1.0.0/errors/communication"
    title: str = "Communication Error"
    detail: str = ""


Handler: TypeAlias = Callable[[dict[str, Json]], "Json | Failure | type[Hang]"]
Publish: TypeAlias = Callable[[str, dict[str, Json]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect of the outside world: a call that was really made."""

    key: str
    attempt: int
    action: str
    arguments: Json
    time_us: int


@dataclass(slots=True)
class Outside:
    """The Action service with its ledger, and the world behind it. It outlives every crash of the Engine."""

    handlers: dict[str, Handler] = field(default_factory=dict)
    publish: Publish = field(default_factory=lambda: _nowhere)
    check: ClaimCheck = field(default_factory=in_memory)
    effects: list[Effect] = field(default_factory=list)
    cancelled: list[CallKey] = field(default_factory=list)
    _made: set[CallKey] = field(default_factory=set)
    _ledger: dict[CallKey, pb.ActionResult] = field(default_factory=dict)
    _open: dict[CallKey, pb.ActionCall] = field(default_factory=dict)
    _session: tuple[Calls, Session] | None = None

    async def serve(self, calls: Calls, now_us: int) -> bool:
        """Take the calls that wait, and answer them; whether there were any."""
        session = self._session_of(calls)
        message = calls.next_message(session)
        if message is None:
            return False
        results = [
            result for call in message.calls if (result := await self._answer(call, now_us)) is not None
        ]
        results += [self._cancel((asked.key, asked.attempt)) for asked in message.cancellations]
        calls.received(session, results)
        return True

    def _session_of(self, calls: Calls) -> Session:
        """The session with this Engine; one that comes after a crash has its own."""
        if self._session is None or self._session[0] is not calls:
            self._session = (calls, calls.connect())
        return self._session[1]

    async def _answer(self, call: pb.ActionCall, now_us: int) -> pb.ActionResult | None:
        identity = (call.key, call.attempt)
        call = await self._whole(call)
        if identity in self._ledger:
            recorded = pb.ActionResult()
            recorded.CopyFrom(self._ledger[identity])
            recorded.from_record = True
            return recorded
        if identity in self._open:
            return None
        arguments = loads(call.arguments.data or b"null")
        if identity not in self._made:
            # Whoever is behind the action knows its key: a call that comes again has no second effect.
            self._made.add(identity)
            self.effects.append(Effect(call.key, call.attempt, call.action, arguments, now_us))
        result = pb.ActionResult(key=call.key, attempt=call.attempt)
        given = await self._ask(call, arguments)
        if given is Hang:
            self._open[identity] = call
            return None
        if isinstance(given, Failure):
            result.state = history_pb2.ACTION_STATE_FAILED
            result.error.CopyFrom(
                Problem(type=given.type, status=given.status, title=given.title, detail=given.detail)
            )
        else:
            result.state = history_pb2.ACTION_STATE_SUCCEEDED
            result.output.data = dumps(given)  # type: ignore[arg-type]
            await self.check.leave(result, call.execution_id)
        self._ledger[identity] = result
        return result

    async def _whole(self, call: pb.ActionCall) -> pb.ActionCall:
        """The call with its large arguments; the Engine keeps the one with the claim."""
        whole = pb.ActionCall()
        whole.CopyFrom(call)
        await self.check.fetch_into(whole, call.execution_id)
        return whole

    async def _ask(self, call: pb.ActionCall, arguments: Json) -> object:
        given = arguments if isinstance(arguments, dict) else {}
        if call.action == "events.publish":
            await self.publish(call.namespace, given)
            return arguments
        handler = self.handlers.get(call.action)
        return arguments if handler is None else handler(given)

    def _cancel(self, identity: CallKey) -> pb.ActionResult:
        if identity in self._ledger:
            return self._ledger[identity]
        self._open.pop(identity, None)
        self.cancelled.append(identity)
        result = pb.ActionResult(
            key=identity[0], attempt=identity[1], state=history_pb2.ACTION_STATE_CANCELLED
        )
        self._ledger[identity] = result
        return result


async def _nowhere(_namespace: str, _event: dict[str, Json]) -> None:
    return None
