"""Calls of actions: sent once at a time, sent again when the stream is lost, given up in the end."""

import random

from tidemill.api.actions.v1 import action_service_pb2 as pb
from tidemill.api.events.v1 import history_pb2
from tidemill.api.events.v1.payload_pb2 import Payload as PayloadRecord
from tidemill.clock import ManualClock
from tidemill.engine.core.effects import CallAction
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.secrets import SecretPath, SecretUse
from tidemill.engine.runtime.calls import Calls
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.inbox import Inbox
from tidemill.engine.runtime.items import ActionAnswer
from tidemill.engine.runtime.sessions import OwedCall
from tidemill.engine.secret_records import write_secret
from tidemill.engine.settings import Settings

SECOND_US = 1_000_000


class Bench:
    """Calls with an inbox and time moved by hand."""

    def __init__(self, **settings: int) -> None:
        self.clock = ManualClock()
        self.inbox = Inbox(Settings())
        environment = Environment(
            settings=Settings(**settings),  # type: ignore[arg-type]
            clock=self.clock,
            source=random.Random(1),
        )
        self.calls = Calls(self.inbox, environment)
        self.session = self.calls.connect()

    def call(self, key: str, attempt: int = 1) -> None:
        self.calls.call(call(key, attempt))

    def message(self) -> pb.ExecuteRequest:
        return self.calls.next_message(self.session) or pb.ExecuteRequest()

    def sent(self) -> list[str]:
        return [item.key for item in self.message().calls]

    def reconnect(self) -> None:
        self.calls.disconnected(self.session)
        self.session = self.calls.connect()

    def fail(self, failure: pb.DeliveryFailure.ValueType) -> None:
        """The service has not made the call `k`."""
        self.calls.received(self.session, [result("k", state=0, delivery_failure=failure)])

    def answers(self) -> list[ActionAnswer]:
        return [item for item in self.inbox.take(1000) if isinstance(item, ActionAnswer)]


def call(key: str, attempt: int = 1, *, shard: int = 3) -> OwedCall:
    effect = CallAction(key, attempt, "/do/0/a", "a:1.0.0", Payload.encoded(b"{}"))
    return OwedCall(effect, "n", "e", shard, epoch=1)


def result(key: str, **fields: object) -> pb.ActionResult:
    made = {"key": key, "attempt": 1, "state": history_pb2.ACTION_STATE_SUCCEEDED} | fields
    return pb.ActionResult(**made)  # type: ignore[arg-type]


def test_a_call_is_sent_once_and_answered_once() -> None:
    bench = Bench()
    bench.call("k")
    bench.call("k")
    assert bench.sent() == ["k"]
    assert bench.sent() == []
    bench.calls.received(bench.session, [result("k"), result("k")])
    assert [answer.result.key for answer in bench.answers()] == ["k"]
    assert len(bench.calls) == 0
    assert bench.calls.in_flight == 0


def test_no_more_calls_are_sent_than_may_be_in_flight() -> None:
    bench = Bench(calls_in_flight_max=2)
    for key in "abc":
        bench.call(key)
    assert bench.sent() == ["a", "b"]
    assert bench.sent() == []
    bench.calls.received(bench.session, [result("a")])
    assert bench.sent() == ["c"]


def test_a_message_is_bounded_in_items_and_bytes() -> None:
    bench = Bench(calls_message_items_max=2)
    for key in "abc":
        bench.call(key)
    assert bench.sent() == ["a", "b"]
    large = Bench(calls_message_bytes_max=10)
    large.call("a")
    large.call("b")
    assert large.sent() == ["a"]


def test_what_was_open_on_a_lost_stream_is_sent_again_with_the_same_attempt() -> None:
    bench = Bench()
    bench.call("k")
    bench.sent()
    bench.reconnect()
    message = bench.calls.next_message(bench.session)
    assert message is not None
    assert [(item.key, item.attempt, item.delivery) for item in message.calls] == [("k", 1, 1)]


async def test_a_delivery_failure_is_tried_again_after_a_backoff() -> None:
    bench = Bench()
    bench.call("k")
    bench.sent()
    bench.session.wake.clear()
    bench.calls.received(
        bench.session, [result("k", state=0, delivery_failure=pb.DELIVERY_FAILURE_UNAVAILABLE)]
    )
    # Who writes must ask again how long to wait: before, nothing waited for a time.
    assert bench.session.wake.is_set()
    assert bench.answers() == []
    assert bench.sent() == []
    wait_us = bench.calls.wait_us()
    assert wait_us is not None
    await bench.clock.advance_us(wait_us)
    assert bench.sent() == ["k"]


async def test_an_unknown_action_is_a_configuration_error_after_its_grace() -> None:
    bench = Bench(unknown_action_grace_us=60 * SECOND_US)
    bench.call("k")
    for _ in range(100):
        if bench.sent():
            bench.calls.received(
                bench.session, [result("k", state=0, delivery_failure=pb.DELIVERY_FAILURE_UNKNOWN_ACTION)]
            )
        await bench.clock.advance_us(SECOND_US)
    (answer,) = bench.answers()
    assert answer.result.state == history_pb2.ACTION_STATE_FAILED
    assert answer.result.error.type.endswith("/configuration")
    assert "a:1.0.0" in answer.result.error.detail


async def test_an_action_that_cannot_be_delivered_faults_after_the_delivery_timeout() -> None:
    bench = Bench(delivery_timeout_us=100 * SECOND_US)
    bench.call("k")
    for _ in range(30):
        if bench.sent():
            bench.calls.received(
                bench.session, [result("k", state=0, delivery_failure=pb.DELIVERY_FAILURE_UNAVAILABLE)]
            )
        await bench.clock.advance_us(10 * SECOND_US)
    (answer,) = bench.answers()
    assert answer.result.error.type.endswith("/communication")


def test_a_call_cancelled_before_it_left_never_leaves() -> None:
    bench = Bench()
    bench.call("k")
    bench.calls.cancel(call("k"))
    assert bench.sent() == []
    (answer,) = bench.answers()
    assert (answer.cancelled, answer.result.state) == (True, history_pb2.ACTION_STATE_CANCELLED)


def test_a_sent_call_is_cancelled_at_the_service_and_its_own_outcome_may_come_first() -> None:
    bench = Bench()
    bench.call("k")
    bench.sent()
    bench.calls.cancel(call("k"))
    message = bench.calls.next_message(bench.session)
    assert message is not None
    assert [item.key for item in message.cancellations] == ["k"]
    bench.calls.received(bench.session, [result("k")])
    (answer,) = bench.answers()
    assert (answer.cancelled, answer.result.state) == (True, history_pb2.ACTION_STATE_SUCCEEDED)


def test_a_cancellation_outlives_the_stream() -> None:
    bench = Bench()
    bench.call("k")
    bench.sent()
    bench.calls.cancel(call("k"))
    bench.reconnect()
    message = bench.calls.next_message(bench.session)
    assert message is not None
    assert (len(message.calls), [item.key for item in message.cancellations]) == (0, ["k"])


def test_a_call_sent_by_an_earlier_owner_can_be_cancelled() -> None:
    bench = Bench()
    bench.calls.cancel(call("k"))
    message = bench.calls.next_message(bench.session)
    assert message is not None
    assert [item.key for item in message.cancellations] == ["k"]
    bench.calls.received(bench.session, [result("k", state=history_pb2.ACTION_STATE_CANCELLED)])
    assert len(bench.answers()) == 1


def test_a_call_that_an_earlier_owner_may_have_sent_is_cancelled_at_the_service() -> None:
    bench = Bench()
    bench.calls.call(call("k"), may_be_known=True)
    bench.calls.cancel(call("k"))
    message = bench.calls.next_message(bench.session)
    assert message is not None
    assert (len(message.calls), [item.key for item in message.cancellations]) == (0, ["k"])
    assert bench.answers() == []
    bench.calls.received(bench.session, [result("k", state=history_pb2.ACTION_STATE_CANCELLED)])
    assert len(bench.answers()) == 1


def test_a_call_waiting_to_be_sent_again_is_cancelled_not_called() -> None:
    bench = Bench()
    bench.call("k")
    bench.sent()
    bench.reconnect()
    bench.calls.cancel(call("k"))
    message = bench.calls.next_message(bench.session)
    assert message is not None
    assert (len(message.calls), [item.key for item in message.cancellations]) == (0, ["k"])


async def test_a_cancellation_that_the_service_could_not_keep_is_asked_for_again() -> None:
    bench = Bench()
    bench.call("k")
    bench.sent()
    bench.calls.cancel(call("k"))
    bench.calls.next_message(bench.session)
    bench.calls.received(
        bench.session, [result("k", state=0, delivery_failure=pb.DELIVERY_FAILURE_UNAVAILABLE)]
    )
    assert bench.answers() == []
    await bench.clock.advance_us(bench.calls.wait_us() or 0)
    message = bench.calls.next_message(bench.session)
    assert message is not None
    assert [item.key for item in message.cancellations] == ["k"]


def test_calls_over_the_cap_are_left_to_the_store_until_there_is_room() -> None:
    bench = Bench(calls_waiting_max=2)
    for key in "abc":
        bench.call(key)
    assert len(bench.calls) == 2
    assert bench.calls.take_overflowed() == set()
    bench.sent()
    bench.calls.received(bench.session, [result("a"), result("b")])
    assert bench.calls.take_overflowed() == {3}
    assert bench.calls.take_overflowed() == set()


def test_settled_keys_travel_with_the_next_calls() -> None:
    bench = Bench()
    bench.calls.settle(["done"])
    assert bench.calls.next_message(bench.session) is None
    bench.call("k")
    message = bench.calls.next_message(bench.session)
    assert message is not None
    assert list(message.settled_keys) == ["done"]


def test_a_message_says_all_of_a_call() -> None:
    bench = Bench(dispatch_before_us=5 * SECOND_US)
    secret = SecretUse("/token", ("Bearer ", SecretPath("crm", ("key",))))
    arguments = Payload.encoded(b'{"a":1}')
    effect = CallAction("k", 2, "/do/0/a", "a:1.0.0", arguments, 7_000_000, (secret,))
    bench.calls.call(OwedCall(effect, "shop", "e", 3, 4, traceparent="00-1-2-01"))
    (sent,) = bench.message().calls
    assert sent == pb.ActionCall(
        key="k",
        attempt=2,
        namespace="shop",
        execution_id="e",
        task_reference="/do/0/a",
        action="a:1.0.0",
        arguments=PayloadRecord(data=b'{"a":1}'),
        shard=3,
        epoch=4,
        timeout_us=7_000_000,
        traceparent="00-1-2-01",
        dispatch_before_us=bench.clock.now_us() + 5 * SECOND_US,
        secrets=[write_secret(secret)],
    )
    bench.reconnect()
    (again,) = bench.message().calls
    assert (again.key, again.delivery) == ("k", 1)
