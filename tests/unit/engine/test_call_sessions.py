"""Calls over several sessions: who carries what, what is lost with a session, who is asked to cancel."""

import random

from tests.unit.engine.test_calls import SECOND_US, call, result
from tidemill.api.actions.v1 import action_service_pb2 as pb
from tidemill.api.events.v1 import history_pb2
from tidemill.clock import ManualClock
from tidemill.engine.runtime.calls import Calls
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.inbox import Inbox
from tidemill.engine.runtime.items import ActionAnswer
from tidemill.engine.runtime.sessions import Session
from tidemill.engine.settings import Settings

CANCELLED = history_pb2.ACTION_STATE_CANCELLED


class Bench:
    """Calls with sessions by name."""

    def __init__(self, *names: str, in_flight_max: int = 100, **settings: int) -> None:
        self.clock = ManualClock()
        self.inbox = Inbox(Settings())
        environment = Environment(
            settings=Settings(**settings),  # type: ignore[arg-type]
            clock=self.clock,
            source=random.Random(1),
        )
        self.calls = Calls(self.inbox, environment)
        self.in_flight_max = in_flight_max
        self.sessions: dict[str, Session] = {}
        for name in names:
            self.connect(name)

    def connect(self, name: str) -> None:
        self.sessions[name] = self.calls.connect(self.in_flight_max)

    def lose(self, name: str) -> None:
        self.calls.disconnected(self.sessions.pop(name))

    def call(self, *keys: str, shard: int = 3, may_be_known: bool = False) -> None:
        for key in keys:
            self.calls.call(call(key, shard=shard), may_be_known=may_be_known)

    def message(self, name: str) -> pb.ExecuteRequest:
        return self.calls.next_message(self.sessions[name]) or pb.ExecuteRequest()

    def sent(self, name: str) -> list[str]:
        return [one.key for one in self.message(name).calls]

    def asked(self, name: str) -> list[str]:
        return [one.key for one in self.message(name).cancellations]

    def receive(self, name: str, *results: pb.ActionResult) -> None:
        self.calls.received(self.sessions[name], results)

    def refuse(self, name: str, key: str, failure: int = pb.DELIVERY_FAILURE_UNAVAILABLE) -> None:
        self.receive(name, result(key, state=0, delivery_failure=failure))

    def answered(self) -> list[tuple[str, int]]:
        taken = self.inbox.take(1000)
        return [(item.result.key, item.result.state) for item in taken if isinstance(item, ActionAnswer)]


def test_calls_are_spread_evenly_and_each_goes_to_one() -> None:
    bench = Bench("a", "b")
    bench.call("1", "2", "3", "4")
    assert (bench.sent("a"), bench.sent("b")) == (["1", "3"], ["2", "4"])
    bench.receive("b", result("2"), result("4"))
    bench.call("5", "6", "7")
    assert (bench.sent("a"), bench.sent("b")) == (["7"], ["5", "6"])


def test_what_finds_no_room_goes_to_whoever_has_some_first() -> None:
    bench = Bench("a", "b", in_flight_max=1)
    bench.call("1", "2", "3", "4")
    assert (bench.sent("a"), bench.sent("b")) == (["1"], ["2"])
    bench.receive("b", result("2"))
    assert (bench.sent("a"), bench.sent("b")) == ([], ["3"])
    assert bench.calls.in_flight == 2


def test_calls_wait_for_the_first_session() -> None:
    bench = Bench()
    bench.call("1", "2")
    bench.connect("a")
    assert bench.sent("a") == ["1", "2"]


def test_each_session_has_a_window_of_its_own_within_that_of_the_settings() -> None:
    bench = Bench(calls_in_flight_max=3)
    bench.sessions["small"] = bench.calls.connect(1)
    bench.sessions["large"] = bench.calls.connect(50)
    bench.call(*(str(number) for number in range(10)))
    assert (len(bench.sent("small")), len(bench.sent("large"))) == (1, 3)


def test_a_lost_session_costs_only_what_it_had_which_goes_to_the_others() -> None:
    bench = Bench("a", "b")
    bench.call("1", "2", "3", "4")
    assert bench.sent("a") == ["1", "3"]
    bench.sent("b")
    bench.lose("a")
    message = bench.message("b")
    assert [(one.key, one.attempt, one.delivery) for one in message.calls] == [("1", 1, 1), ("3", 1, 1)]
    bench.receive("b", *(result(key) for key in "1234"))
    assert sorted(key for key, _ in bench.answered()) == ["1", "2", "3", "4"]
    assert (len(bench.calls), bench.calls.in_flight) == (0, 0)


def test_a_call_that_had_not_left_a_lost_session_is_no_second_delivery() -> None:
    bench = Bench("a")
    bench.call("1")
    bench.lose("a")
    bench.connect("b")
    assert [(one.key, one.delivery) for one in bench.message("b").calls] == [("1", 0)]


def test_losing_a_session_twice_changes_nothing() -> None:
    bench = Bench("a", "b")
    session = bench.sessions["a"]
    bench.lose("a")
    bench.calls.disconnected(session)
    bench.call("1")
    assert bench.sent("b") == ["1"]


async def test_a_service_that_cannot_take_a_call_is_avoided_for_a_while() -> None:
    bench = Bench("a", "b", calls_avoid_us=SECOND_US)
    bench.call("1")
    assert bench.sent("a") == ["1"]
    bench.refuse("a", "1")
    bench.call("2", "3")
    assert (bench.sent("a"), bench.sent("b")) == ([], ["2", "3"])
    await bench.clock.advance_us(SECOND_US)
    assert bench.sent("b") == ["1"], "it went to the other one"
    bench.call("4")
    assert bench.sent("a") == ["4"]


async def test_where_all_are_avoided_all_are_asked() -> None:
    bench = Bench("a", "b")
    bench.call("1", "2")
    for name, key in (("a", "1"), ("b", "2")):
        assert bench.sent(name) == [key]
        bench.refuse(name, key)
    bench.call("3", "4")
    assert (bench.sent("a"), bench.sent("b")) == (["3"], ["4"])


async def test_calls_that_wait_for_a_full_session_are_woken_when_the_avoided_one_may_be_asked_again() -> None:
    bench = Bench("a", "b", in_flight_max=1)
    bench.call("1", "2")
    assert (bench.sent("a"), bench.sent("b")) == (["1"], ["2"])
    bench.refuse("a", "1", pb.DELIVERY_FAILURE_UNAVAILABLE)
    bench.call("3")
    assert bench.sent("a") == []
    await bench.clock.advance_us(bench.calls.wait_us() or 0)
    assert bench.sent("a") == [], "the call that was refused is due, and waits like the other one"
    await bench.clock.advance_us(bench.calls.wait_us() or 0)
    assert bench.sent("a") == ["3"]


async def test_an_action_that_one_service_does_not_know_is_tried_at_another() -> None:
    bench = Bench("a", "b")
    bench.call("1")
    assert bench.sent("a") == ["1"]
    bench.refuse("a", "1", pb.DELIVERY_FAILURE_UNKNOWN_ACTION)
    await bench.clock.advance_us(SECOND_US)
    assert (bench.sent("a"), bench.sent("b")) == ([], ["1"])


def test_a_cancellation_goes_to_the_session_that_has_the_call() -> None:
    bench = Bench("a", "b")
    bench.call("1", "2")
    bench.sent("a")
    bench.sent("b")
    bench.calls.cancel(call("2"))
    assert (bench.asked("a"), bench.asked("b")) == ([], ["2"])
    bench.receive("b", result("2", state=CANCELLED))
    assert bench.answered() == [("2", CANCELLED)]


def test_what_an_earlier_owner_may_have_sent_is_cancelled_everywhere_and_the_first_answer_counts() -> None:
    bench = Bench("a", "b")
    bench.calls.cancel(call("k"))
    assert (bench.asked("a"), bench.asked("b")) == (["k"], ["k"])
    assert bench.calls.in_flight == 2
    bench.receive("b", result("k", state=CANCELLED))
    bench.receive("a", result("k"))
    assert bench.answered() == [("k", CANCELLED)]
    assert (len(bench.calls), bench.calls.in_flight) == (0, 0)


def test_a_call_that_was_sent_twice_is_cancelled_everywhere() -> None:
    bench = Bench("a", "b")
    bench.call("1")
    bench.sent("a")
    bench.lose("a")
    bench.sent("b")
    bench.connect("a")
    bench.calls.cancel(call("1"))
    assert (bench.asked("a"), bench.asked("b")) == (["1"], ["1"])


def test_a_session_that_comes_later_is_asked_to_cancel_too_since_it_may_be_the_one_that_runs_it() -> None:
    bench = Bench("a")
    bench.call("1")
    bench.sent("a")
    bench.calls.cancel(call("1"))
    bench.lose("a")
    bench.connect("b")
    assert bench.message("b").cancellations[0].key == "1"
    bench.connect("a")
    message = bench.message("a")
    assert (len(message.calls), message.cancellations[0].key) == (0, "1")
    bench.receive("a", result("1", state=CANCELLED))
    assert bench.answered() == [("1", CANCELLED)]


async def test_a_cancellation_that_nobody_could_keep_is_asked_of_all_again() -> None:
    bench = Bench("a", "b")
    bench.calls.cancel(call("k"))
    assert (bench.asked("a"), bench.asked("b")) == (["k"], ["k"])
    bench.refuse("a", "k")
    assert bench.calls.wait_us() is None, "the other one may still answer"
    bench.refuse("b", "k")
    await bench.clock.advance_us(bench.calls.wait_us() or 0)
    assert (bench.asked("a"), bench.asked("b")) == (["k"], ["k"])


async def test_a_call_that_is_refused_while_it_is_cancelled_elsewhere_too_is_not_taken_for_ended() -> None:
    bench = Bench("a", "b")
    bench.call("k", may_be_known=True)
    bench.sent("a")
    bench.calls.cancel(call("k"))
    bench.lose("b")
    bench.refuse("a", "k", pb.DELIVERY_FAILURE_REFUSED)
    assert bench.answered() == []
    await bench.clock.advance_us(SECOND_US)
    assert bench.asked("a")[-1:] == ["k"]


def test_dropped_shards_are_forgotten_and_their_answers_change_nothing() -> None:
    bench = Bench("a", "b")
    bench.call("1", "2", shard=1)
    bench.call("3", "4", shard=2)
    bench.sent("a")
    bench.sent("b")
    bench.call("5", "6", shard=1)
    bench.calls.drop([1])
    assert (bench.sent("a"), bench.sent("b")) == ([], [])
    assert (len(bench.calls), bench.calls.in_flight) == (2, 2)
    bench.receive("a", *(result(key) for key in "123456"))
    assert sorted(key for key, _ in bench.answered()) == ["3", "4"]


async def test_dropping_a_shard_leaves_its_delayed_and_overflowed_calls_to_the_store() -> None:
    bench = Bench("a", calls_waiting_max=2)
    bench.call("1", "2", "3", shard=1)
    assert bench.sent("a") == ["1", "2"]
    bench.refuse("a", "1")
    bench.calls.drop([1])
    assert (bench.calls.take_overflowed(), bench.calls.wait_us()) == (set(), None)
    bench.call("1", shard=1)
    assert bench.sent("a") == ["1"]


def test_a_shard_that_comes_back_takes_the_answer_to_what_was_sent_before() -> None:
    bench = Bench("a", "b")
    bench.call("k")
    bench.sent("a")
    bench.calls.drop([3])
    bench.call("k", may_be_known=True)
    assert bench.sent("b") == ["k"]
    bench.receive("a", result("k"))
    assert bench.answered() == [("k", history_pb2.ACTION_STATE_SUCCEEDED)]
    bench.receive("b", result("k"))
    assert bench.answered() == []


def test_settled_keys_go_to_any_session_once() -> None:
    bench = Bench("a", "b", calls_message_items_max=1)
    bench.calls.settle(["x", "y"])
    assert all(session.wake.is_set() for session in bench.sessions.values())
    assert list(bench.message("b").settled_keys) == ["x", "y"]
    assert list(bench.message("a").settled_keys) == []


def test_dropping_all_shards_forgets_every_call() -> None:
    bench = Bench("a")
    bench.call("1", shard=1)
    bench.call("2", shard=2)
    bench.sent("a")
    bench.calls.drop([1, 2])
    assert (len(bench.calls), bench.calls.in_flight) == (0, 0)
