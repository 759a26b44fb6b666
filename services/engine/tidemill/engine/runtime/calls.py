"""Calls of actions: released effects out to the Action service, many a message; outcomes to the inbox."""

import asyncio
import heapq
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from tidemill.api.actions.v1 import action_service_pb2 as pb
from tidemill.api.errors.v1.problem_pb2 import Problem
from tidemill.api.events.v1 import history_pb2
from tidemill.backoff import Backoff
from tidemill.dsl.standard_errors import standard_error
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.inbox import Inbox
from tidemill.engine.runtime.items import ActionAnswer

CallKey = tuple[str, int]


@dataclass(slots=True)
class Outstanding:
    """A call without outcome: waiting to be sent, sent, or waiting to be sent again."""

    call: pb.ActionCall
    first_us: int
    sent: bool = False
    # The Action service may have it from an earlier owner of the shard, whatever this process has sent.
    may_be_known: bool = False
    failures: int = 0
    cancelled: bool = False


class Calls:
    """What is owed to the outside in this process's memory; beyond its cap only the store knows it.

    Everything here is found again from the store after a crash, so that nothing here needs to survive.
    """

    def __init__(self, inbox: Inbox, environment: Environment) -> None:
        self.wake = asyncio.Event()
        self.in_flight_max = environment.settings.calls_in_flight_max
        self._inbox = inbox
        self._clock = environment.clock
        self._settings = environment.settings
        self._source = environment.source
        self._backoff = Backoff(initial_us=100_000, max_us=10_000_000)
        self._outstanding: dict[CallKey, Outstanding] = {}
        self._waiting: deque[Outstanding] = deque()
        self._delayed: list[tuple[int, str, int]] = []
        self._cancellations: deque[CallKey] = deque()
        self._settled: deque[str] = deque()
        self._sent = 0
        self._overflowed: set[int] = set()

    def __len__(self) -> int:
        return len(self._outstanding)

    @property
    def in_flight(self) -> int:
        """How many calls are with the Action service."""
        return self._sent

    def clear(self) -> None:
        """Forget everything; the store knows what is owed."""
        self._outstanding.clear()
        self._waiting.clear()
        self._delayed.clear()
        self._cancellations.clear()
        self._settled.clear()
        self._overflowed.clear()
        self._sent = 0

    def call(self, call: pb.ActionCall, *, may_be_known: bool = False) -> None:
        """Release a call; one that is outstanding already is not released twice.

        What is found owed in the store may be known to the Action service already.
        """
        key = (call.key, call.attempt)
        if key in self._outstanding:
            return
        if len(self._outstanding) >= self._settings.calls_waiting_max:
            self._overflowed.add(call.shard)
            return
        outstanding = Outstanding(call, self._clock.now_us(), may_be_known=may_be_known)
        self._outstanding[key] = outstanding
        self._waiting.append(outstanding)
        self.wake.set()

    def cancel(self, call: pb.ActionCall) -> None:
        """Ask for the end of a call, whether this process has sent it or an earlier owner did."""
        key = (call.key, call.attempt)
        outstanding = self._outstanding.get(key)
        if outstanding is None:
            outstanding = self._outstanding[key] = Outstanding(call, self._clock.now_us())
        elif not (outstanding.sent or outstanding.may_be_known or outstanding.call.delivery):
            # It never left: there is nothing to stop.
            outstanding.cancelled = True
            self._answer(outstanding, _outcome(call, history_pb2.ACTION_STATE_CANCELLED))
            return
        if not outstanding.cancelled:
            outstanding.cancelled = True
            self._ask_to_cancel(key, outstanding)
            self.wake.set()

    def settle(self, keys: Iterable[str]) -> None:
        """The outcomes of these keys are in the store."""
        self._settled.extend(keys)
        # Settling alone is no reason to send: it travels with the next calls, unless there are many.
        if len(self._settled) >= self._settings.calls_message_items_max:
            self.wake.set()

    def take_overflowed(self) -> set[int]:
        """Shards whose owed calls did not fit, once there is room for them again."""
        if not self._overflowed or len(self._outstanding) > self._settings.calls_waiting_max // 2:
            return set()
        shards, self._overflowed = self._overflowed, set()
        return shards

    def next_message(self) -> pb.ExecuteRequest | None:
        """The next batch to send; None when nothing may be sent now."""
        self._wake_delayed()
        request = pb.ExecuteRequest()
        bytes_left = self._settings.calls_message_bytes_max
        while self._waiting and self._sent < self.in_flight_max and bytes_left > 0:
            if len(request.calls) >= self._settings.calls_message_items_max:
                break
            bytes_left -= self._send(self._waiting.popleft(), request)
        while self._cancellations and len(request.cancellations) < self._settings.calls_message_items_max:
            key, attempt = self._cancellations.popleft()
            request.cancellations.add(key=key, attempt=attempt)
        if (
            request.calls
            or request.cancellations
            or len(self._settled) >= self._settings.calls_message_items_max
        ):
            for _ in range(min(len(self._settled), 4 * self._settings.calls_message_items_max)):
                request.settled_keys.append(self._settled.popleft())
            return request
        return None

    def _send(self, outstanding: Outstanding, request: pb.ExecuteRequest) -> int:
        current = self._outstanding.get((outstanding.call.key, outstanding.call.attempt))
        if current is not outstanding or outstanding.sent:
            return 0
        outstanding.sent = True
        self._sent += 1
        outstanding.call.dispatch_before_us = self._clock.now_us() + self._settings.dispatch_before_us
        request.calls.append(outstanding.call)
        return outstanding.call.ByteSize()

    def received(self, results: Iterable[pb.ActionResult]) -> None:
        """Outcomes and delivery failures, as they came."""
        answers: list[ActionAnswer] = []
        for result in results:
            outstanding = self._outstanding.get((result.key, result.attempt))
            if outstanding is None or not outstanding.sent:
                continue
            if result.delivery_failure:
                self._not_delivered(outstanding, result)
            else:
                answers.append(self._answered(outstanding, result))
        if answers:
            self._inbox.put(answers)
        self.wake.set()

    def disconnected(self) -> None:
        """The stream is lost: what was sent is sent again under the same keys."""
        self._sent = 0
        self._cancellations.clear()
        for key, outstanding in self._outstanding.items():
            if outstanding.sent:
                outstanding.sent = False
                outstanding.call.delivery += 1
                self._resend(key, outstanding)

    def _resend(self, key: CallKey, outstanding: Outstanding) -> None:
        if outstanding.cancelled:
            self._ask_to_cancel(key, outstanding)
        else:
            self._waiting.append(outstanding)

    def _ask_to_cancel(self, key: CallKey, outstanding: Outstanding) -> None:
        # Also where this stream has not carried the call: the service may know it from an earlier one, and
        # then only it can end it. So it counts as sent.
        if not outstanding.sent:
            outstanding.sent = True
            self._sent += 1
        self._cancellations.append(key)

    def _answer(self, outstanding: Outstanding, result: pb.ActionResult) -> None:
        self._inbox.put([self._answered(outstanding, result)])

    def _answered(self, outstanding: Outstanding, result: pb.ActionResult) -> ActionAnswer:
        call = outstanding.call
        del self._outstanding[call.key, call.attempt]
        if outstanding.sent:
            self._sent -= 1
        received_us = self._clock.monotonic_us()
        return ActionAnswer(call.shard, call.execution_id, result, outstanding.cancelled, received_us)

    def _not_delivered(self, outstanding: Outstanding, result: pb.ActionResult) -> None:
        outstanding.failures += 1
        if outstanding.cancelled and result.delivery_failure == pb.DELIVERY_FAILURE_UNAVAILABLE:
            # Not on disk there: the call could still be run, so that the end must be asked for again.
            self._delay(outstanding)
        elif outstanding.cancelled:
            self._answer(outstanding, _outcome(outstanding.call, history_pb2.ACTION_STATE_CANCELLED))
        elif (problem := self._given_up(outstanding, result)) is not None:
            self._answer(outstanding, _outcome(outstanding.call, history_pb2.ACTION_STATE_FAILED, problem))
        else:
            self._delay(outstanding)

    def _given_up(self, outstanding: Outstanding, result: pb.ActionResult) -> Problem | None:
        """The workflow error of a call that cannot be delivered, once its grace has run out."""
        waited_us = self._clock.now_us() - outstanding.first_us
        if result.delivery_failure == pb.DELIVERY_FAILURE_UNKNOWN_ACTION:
            if waited_us >= self._settings.unknown_action_grace_us:
                return _problem("configuration", f"no such action is registered: {outstanding.call.action}")
        elif waited_us >= self._settings.delivery_timeout_us:
            detail = f"the action could not be delivered: {result.delivery_detail}"
            return _problem("communication", detail)
        return None

    def _delay(self, outstanding: Outstanding) -> None:
        outstanding.sent = False
        outstanding.call.delivery += 1
        self._sent -= 1
        due_us = self._clock.now_us() + self._backoff.delay_us(outstanding.failures, self._source)
        heapq.heappush(self._delayed, (due_us, outstanding.call.key, outstanding.call.attempt))

    def _wake_delayed(self) -> None:
        now_us = self._clock.now_us()
        while self._delayed and self._delayed[0][0] <= now_us:
            _, key, attempt = heapq.heappop(self._delayed)
            outstanding = self._outstanding.get((key, attempt))
            if outstanding is not None and not outstanding.sent:
                self._resend((key, attempt), outstanding)

    def wait_us(self) -> int | None:
        """How long until a delayed call is due; None when none is."""
        return max(self._delayed[0][0] - self._clock.now_us(), 0) if self._delayed else None


def _problem(name: str, detail: str) -> Problem:
    kind = standard_error(name)
    return Problem(type=kind.type, status=kind.status, title=kind.title, detail=detail)


def _outcome(
    call: pb.ActionCall, state: history_pb2.ActionState.ValueType, error: Problem | None = None
) -> pb.ActionResult:
    return pb.ActionResult(key=call.key, attempt=call.attempt, state=state, error=error)
