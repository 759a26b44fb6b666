"""Sessions with Action services: what each carries, how much more it takes, and which is asked next."""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from tidemill.api.actions.v1 import action_service_pb2 as pb

CallKey = tuple[str, int]


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

    call: pb.ActionCall
    first_us: int
    # An Action service may have it from an earlier owner of the shard, whatever this process has sent.
    may_be_known: bool = False
    # It has left for the sessions that it is with; else it waits for its turn there.
    sent: bool = False
    failures: int = 0
    cancelled: bool = False
    # The sessions that owe an answer: the one that carries the call, or all that were asked to end it.
    sessions: list[Session] = field(default_factory=list)
    # The session that could not deliver it last.
    failed_by: Session | None = None

    @property
    def key(self) -> CallKey:
        return self.call.key, self.call.attempt

    @property
    def may_be_anywhere(self) -> bool:
        """Whether another Action service than those of `sessions` may have it."""
        return self.may_be_known or self.call.delivery > 0

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
