"""Sessions with Action services: what each carries, how much more it takes, and which is asked next."""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from tidemill.api.actions.v1 import action_service_pb2 as pb
from tidemill.engine.core.effects import CallAction, CancelAction
from tidemill.engine.secret_records import write_secret
from tidemill.values import value

CallKey = tuple[str, int]


@value
class OwedCall:
    """What an execution asks of an action, and who it is for; of a cancellation only its identity counts.

    The message is made when it is sent, in the place where it is sent from: copying one costs as much again.
    """

    effect: CallAction | CancelAction
    namespace: str
    execution_id: str
    shard: int
    epoch: int
    traceparent: str = ""

    def write(self, request: pb.ExecuteRequest, *, delivery: int, dispatch_before_us: int) -> int:
        """Add the call to a request; returns its size in bytes."""
        effect = self.effect
        assert isinstance(effect, CallAction), "a cancellation is no call"
        call = request.calls.add(
            key=effect.key,
            attempt=effect.attempt,
            namespace=self.namespace,
            execution_id=self.execution_id,
            task_reference=effect.reference,
            action=effect.action,
            shard=self.shard,
            epoch=self.epoch,
            timeout_us=effect.timeout_us,
            traceparent=self.traceparent,
            delivery=delivery,
            dispatch_before_us=dispatch_before_us,
        )
        call.arguments.data = effect.arguments.data
        if effect.secrets:
            call.secrets.extend(map(write_secret, effect.secrets))
        return call.ByteSize()


# Compared by identity: two sessions are never the same one.
@dataclass(slots=True, eq=False)
class Session:
    """One stream to an Action service. `in_flight` counts the calls that it carries or is about to."""

    in_flight_max: int
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    in_flight: int = 0
    # It could not take a call a moment ago: others come first until then.
    avoided_until_us: int = 0
    # Its place in the order in which sessions were last given a call.
    turn: int = 0
    queue: "deque[Outstanding]" = field(default_factory=deque)
    cancellations: deque[CallKey] = field(default_factory=deque)


@dataclass(slots=True, eq=False)
class Outstanding:
    """A call without outcome: waiting for a session, with one or more, or waiting to be sent again."""

    call: OwedCall
    key: CallKey
    first_us: int
    # An Action service may have it from an earlier owner of the shard, whatever this process has sent.
    may_be_known: bool = False
    # It has left for the sessions that it is with; else it waits for its turn there.
    sent: bool = False
    # How often it was sent before, to whoever did not answer.
    delivery: int = 0
    failures: int = 0
    cancelled: bool = False
    # The sessions that owe an answer: the one that carries the call, or all that were asked to end it.
    sessions: list[Session] = field(default_factory=list)
    # The session that could not deliver it last.
    failed_by: Session | None = None

    @property
    def may_be_anywhere(self) -> bool:
        """Whether another Action service than those of `sessions` may have it."""
        return self.may_be_known or self.delivery > 0

    def join(self, session: Session) -> None:
        """The session owes an answer from now on."""
        self.sessions.append(session)
        session.in_flight += 1

    def leave(self, session: Session) -> None:
        """The session owes none any more."""
        self.sessions.remove(session)
        session.in_flight -= 1

    def leave_all(self) -> None:
        """Nobody owes an answer any more."""
        for session in self.sessions:
            session.in_flight -= 1
        self.sessions.clear()


class Sessions:
    """All sessions of the process that are connected now."""

    def __init__(self) -> None:
        self._sessions: list[Session] = []
        self._turns = count(1)

    def __iter__(self) -> Iterator[Session]:
        return iter(self._sessions)

    @property
    def in_flight(self) -> int:
        return sum(session.in_flight for session in self._sessions)

    def add(self, session: Session) -> None:
        """It carries calls from now on."""
        self._sessions.append(session)

    def remove(self, session: Session) -> bool:
        """It carries none any more; whether it did."""
        if session not in self._sessions:
            return False
        self._sessions.remove(session)
        return True

    def choose(self, outstanding: Outstanding, now_us: int) -> Session | None:
        """Who is to carry the call: the one with the fewest in flight that has room, or None for now.

        Among equals they take turns. One that is avoided is asked only when all are; one that just failed at
        this call, only when no other has room.
        """
        if len(self._sessions) == 1:
            session = self._sessions[0]
            return session if session.in_flight < session.in_flight_max else None
        usable = [session for session in self._sessions if session.avoided_until_us <= now_us]
        best: Session | None = None
        for session in usable or self._sessions:
            if session.in_flight >= session.in_flight_max:
                continue
            if best is None or _rank(session, outstanding) < _rank(best, outstanding):
                best = session
        if best is not None:
            best.turn = next(self._turns)
        return best

    def avoided_until_us(self, now_us: int) -> int | None:
        """When the next session that is avoided may be asked again; None when none is."""
        return min(
            (session.avoided_until_us for session in self._sessions if session.avoided_until_us > now_us),
            default=None,
        )

    def wake_all(self) -> None:
        """Have each look for what it may send."""
        for session in self._sessions:
            session.wake.set()


def _rank(session: Session, outstanding: Outstanding) -> tuple[bool, int, int]:
    return session is outstanding.failed_by, session.in_flight, session.turn
