"""Calls of actions: released effects out to the Action service, many a message; outcomes to the inbox."""

import heapq
from collections import deque
from collections.abc import Collection, Iterable
from typing import Final

from tidemill.api.actions.v1 import action_service_pb2 as pb
from tidemill.api.errors.v1.problem_pb2 import Problem
from tidemill.api.events.v1 import history_pb2
from tidemill.backoff import Backoff
from tidemill.dsl.standard_errors import standard_error
from tidemill.engine.core.effects import CallAction
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.inbox import Inbox
from tidemill.engine.runtime.items import ActionAnswer
from tidemill.engine.runtime.sessions import CallKey, Outstanding, OwedCall, Session, Sessions

# How the details of errors begin that the engine gives itself, for calls that the Action service never made.
UNKNOWN_ACTION: Final = "no such action is registered: "
UNDELIVERED: Final = "the action could not be delivered: "


class Calls:
    """What is owed to the outside in this process's memory; beyond its cap only the store knows it.

    Everything here is found again from the store after a crash, so that nothing here needs to survive. Each
    stream to an Action service is a session: `connect` begins it, `disconnected` ends it, and what it carried
    goes to the others. A call is with one session at a time. A cancellation is asked of the session that has
    the call, or of every one where it may be known elsewhere: who runs it stops it, who does not waits
    for its outcome in the ledger, and the first answer counts.
    """

    def __init__(self, inbox: Inbox, environment: Environment) -> None:
        self._inbox = inbox
        self._clock = environment.clock
        self._settings = environment.settings
        self._source = environment.source
        self._backoff = Backoff(initial_us=100_000, max_us=10_000_000)
        self._sessions = Sessions()
        self._outstanding: dict[CallKey, Outstanding] = {}
        self._waiting: deque[Outstanding] = deque()
        self._delayed: list[tuple[int, str, int]] = []
        self._settled: deque[str] = deque()
        self._overflowed: set[int] = set()

    def __len__(self) -> int:
        return len(self._outstanding)

    @property
    def in_flight(self) -> int:
        """How many calls are with Action services."""
        return self._sessions.in_flight

    def drop(self, shards: Collection[int]) -> None:
        """Forget the calls of these shards; what still comes back for them changes nothing."""
        gone = [outstanding for outstanding in self._outstanding.values() if outstanding.call.shard in shards]
        for outstanding in gone:
            outstanding.leave_all()
            del self._outstanding[outstanding.key]
        self._waiting = deque(
            outstanding for outstanding in self._waiting if outstanding.call.shard not in shards
        )
        self._delayed = [due for due in self._delayed if (due[1], due[2]) in self._outstanding]
        heapq.heapify(self._delayed)
        self._overflowed.difference_update(shards)
        self._spread()

    def connect(self, in_flight_max: int | None = None) -> Session:
        """A new session; it takes up to so many calls, and never more than `calls_in_flight_max`."""
        limit = self._settings.calls_in_flight_max
        session = Session(limit if in_flight_max is None else min(in_flight_max, limit))
        self._sessions.add(session)
        for outstanding in self._outstanding.values():
            # This may be the service that runs it.
            if outstanding.cancelled and outstanding.may_be_anywhere:
                self._ask_to_cancel(outstanding, session)
        self._spread()
        return session

    def call(self, call: OwedCall, *, may_be_known: bool = False) -> None:
        """Release a call; one that is outstanding already is not released twice.

        What is found owed in the store may be known to an Action service already.
        """
        key = (call.effect.key, call.effect.attempt)
        if key in self._outstanding:
            return
        if len(self._outstanding) >= self._settings.calls_waiting_max:
            self._overflowed.add(call.shard)
            return
        outstanding = Outstanding(call, key, self._clock.now_us(), may_be_known=may_be_known)
        self._outstanding[key] = outstanding
        self._waiting.append(outstanding)
        self._spread()

    def cancel(self, call: OwedCall) -> None:
        """Ask for the end of a call, whether this process has sent it or an earlier owner did."""
        key = (call.effect.key, call.effect.attempt)
        outstanding = self._outstanding.get(key)
        if outstanding is None:
            outstanding = Outstanding(call, key, self._clock.now_us(), may_be_known=True)
            self._outstanding[key] = outstanding
        elif outstanding.cancelled:
            return
        outstanding.cancelled = True
        if outstanding.sent or outstanding.may_be_anywhere:
            self._end(outstanding)
        else:
            # It never left: there is nothing to stop.
            self._answer(outstanding, _outcome(key, history_pb2.ACTION_STATE_CANCELLED))
            self._spread()

    def settle(self, keys: Iterable[str]) -> None:
        """The outcomes of these keys are in the store."""
        self._settled.extend(keys)
        # Settling alone is no reason to send: it travels with the next calls, unless there are many.
        if len(self._settled) >= self._settings.calls_message_items_max:
            self._sessions.wake_all()

    def take_overflowed(self) -> set[int]:
        """Shards whose owed calls did not fit, once there is room for them again."""
        if not self._overflowed or len(self._outstanding) > self._settings.calls_waiting_max // 2:
            return set()
        shards, self._overflowed = self._overflowed, set()
        return shards

    def next_message(self, session: Session) -> pb.ExecuteRequest | None:
        """The next batch for this session; None when nothing may be sent now."""
        self._wake_delayed()
        self._spread()
        request = pb.ExecuteRequest()
        items_max = self._settings.calls_message_items_max
        bytes_left = self._settings.calls_message_bytes_max
        before_us = self._clock.now_us() + self._settings.dispatch_before_us
        while session.queue and len(request.calls) < items_max and bytes_left > 0:
            outstanding = session.queue.popleft()
            if self._is_due(outstanding) and session in outstanding.sessions:
                outstanding.sent = True
                bytes_left -= outstanding.call.write(
                    request, delivery=outstanding.delivery, dispatch_before_us=before_us
                )
        while session.cancellations and len(request.cancellations) < items_max:
            key, attempt = session.cancellations.popleft()
            request.cancellations.add(key=key, attempt=attempt)
        if not (request.calls or request.cancellations or len(self._settled) >= items_max):
            return None
        settled = min(len(self._settled), 4 * items_max)
        request.settled_keys.extend([self._settled.popleft() for _ in range(settled)])
        return request

    def _is_due(self, outstanding: Outstanding) -> bool:
        """Whether the call is still to be sent: meanwhile it may have been dropped, or cancelled."""
        current = self._outstanding.get(outstanding.key)
        return current is outstanding and not (outstanding.sent or outstanding.cancelled)

    def _spread(self) -> None:
        """Give each call that waits to a session that has room for it."""
        if not self._waiting:
            return
        now_us = self._clock.now_us()
        while self._waiting:
            outstanding = self._waiting[0]
            if self._is_due(outstanding) and not outstanding.sessions:
                session = self._sessions.choose(outstanding, now_us)
                if session is None:
                    return
                outstanding.join(session)
                session.queue.append(outstanding)
                session.wake.set()
            self._waiting.popleft()

    def received(self, session: Session, results: Iterable[pb.ActionResult]) -> None:
        """Outcomes and delivery failures, as they came."""
        answers: list[ActionAnswer] = []
        received_us = self._clock.monotonic_us()
        for result in results:
            outstanding = self._outstanding.get((result.key, result.attempt))
            if outstanding is None or not outstanding.sent:
                continue
            if not result.delivery_failure:
                answers.append(self._answered(outstanding, result, received_us))
            elif session in outstanding.sessions:
                self._not_delivered(outstanding, session, result)
        if answers:
            self._inbox.put(answers)
        self._spread()

    def disconnected(self, session: Session) -> None:
        """The stream is lost: what only it had is sent again under the same keys, by whoever has room."""
        if not self._sessions.remove(session):
            return
        for outstanding in list(self._outstanding.values()):
            if session in outstanding.sessions:
                outstanding.leave(session)
                if outstanding.sent:
                    outstanding.delivery += 1
                if not outstanding.sessions:
                    self._resend(outstanding)
        self._spread()

    def _resend(self, outstanding: Outstanding) -> None:
        outstanding.sent = False
        if outstanding.cancelled:
            self._end(outstanding)
        else:
            self._waiting.append(outstanding)

    def _end(self, outstanding: Outstanding) -> None:
        """Have the call ended by whoever may have it; a session that comes later is asked as it connects."""
        if not outstanding.sent:
            # It waited for its turn, which it has no need of any more.
            outstanding.leave_all()
        asked = list(self._sessions if outstanding.may_be_anywhere else outstanding.sessions)
        for session in asked:
            self._ask_to_cancel(outstanding, session)

    def _ask_to_cancel(self, outstanding: Outstanding, session: Session) -> None:
        # Also where this session has not carried the call: its service may know it from an earlier one, and
        # then only it can end it. So it counts as sent.
        outstanding.sent = True
        if session not in outstanding.sessions:
            outstanding.join(session)
        session.cancellations.append(outstanding.key)
        session.wake.set()

    def _answer(self, outstanding: Outstanding, result: pb.ActionResult) -> None:
        self._inbox.put([self._answered(outstanding, result, self._clock.monotonic_us())])

    def _answered(self, outstanding: Outstanding, result: pb.ActionResult, received_us: int) -> ActionAnswer:
        call = outstanding.call
        outstanding.leave_all()
        del self._outstanding[outstanding.key]
        return ActionAnswer(call.shard, call.execution_id, result, outstanding.cancelled, received_us)

    def _not_delivered(self, outstanding: Outstanding, session: Session, result: pb.ActionResult) -> None:
        outstanding.failures += 1
        outstanding.failed_by = session
        outstanding.leave(session)
        unavailable = result.delivery_failure == pb.DELIVERY_FAILURE_UNAVAILABLE
        if unavailable:
            session.avoided_until_us = self._clock.now_us() + self._settings.calls_avoid_us
        if outstanding.sessions:
            return  # it is to end, and others have been asked as well
        if outstanding.cancelled and (unavailable or outstanding.may_be_anywhere):
            # Not on disk there: the call could still be run, so that the end must be asked for again.
            self._delay(outstanding)
        elif outstanding.cancelled:
            self._answer(outstanding, _outcome(outstanding.key, history_pb2.ACTION_STATE_CANCELLED))
        elif (problem := self._given_up(outstanding, result)) is not None:
            self._answer(outstanding, _outcome(outstanding.key, history_pb2.ACTION_STATE_FAILED, problem))
        else:
            self._delay(outstanding)

    def _given_up(self, outstanding: Outstanding, result: pb.ActionResult) -> Problem | None:
        """The workflow error of a call that cannot be delivered, once its grace has run out."""
        waited_us = self._clock.now_us() - outstanding.first_us
        if result.delivery_failure == pb.DELIVERY_FAILURE_UNKNOWN_ACTION:
            if waited_us >= self._settings.unknown_action_grace_us:
                effect = outstanding.call.effect
                assert isinstance(effect, CallAction), "a cancellation is never given up"
                return _problem("configuration", UNKNOWN_ACTION + effect.action)
        elif waited_us >= self._settings.delivery_timeout_us:
            detail = UNDELIVERED + result.delivery_detail
            return _problem("communication", detail)
        return None

    def _delay(self, outstanding: Outstanding) -> None:
        outstanding.sent = False
        outstanding.delivery += 1
        due_us = self._clock.now_us() + self._backoff.delay_us(outstanding.failures, self._source)
        heapq.heappush(self._delayed, (due_us, *outstanding.key))
        # Whoever writes waits for as long as `wait_us` said before.
        self._sessions.wake_all()

    def _wake_delayed(self) -> None:
        now_us = self._clock.now_us()
        while self._delayed and self._delayed[0][0] <= now_us:
            _, key, attempt = heapq.heappop(self._delayed)
            outstanding = self._outstanding.get((key, attempt))
            if outstanding is not None and not outstanding.sent:
                self._resend(outstanding)

    def wait_us(self) -> int | None:
        """How long until something may be sent that may not be now; None when nothing waits for a time."""
        now_us = self._clock.now_us()
        due_us = self._delayed[0][0] if self._delayed else None
        avoided_until_us = self._sessions.avoided_until_us(now_us) if self._waiting else None
        times_us = [time_us for time_us in (due_us, avoided_until_us) if time_us is not None]
        return max(min(times_us) - now_us, 0) if times_us else None


def _problem(name: str, detail: str) -> Problem:
    kind = standard_error(name)
    return Problem(type=kind.type, status=kind.status, title=kind.title, detail=detail)


def _outcome(
    key: CallKey, state: history_pb2.ActionState.ValueType, error: Problem | None = None
) -> pb.ActionResult:
    return pb.ActionResult(key=key[0], attempt=key[1], state=state, error=error)
