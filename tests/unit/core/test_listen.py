"""`listen`: what each strategy takes of a stream of events, how it is read, and when enough has come."""

import json
from typing import Any

import pytest

from tests.unit.core.driver import Task, Value, call_task, set_task
from tests.unit.core.listener import Listener, event
from tidemill.engine.core.commands import DeliverEvent
from tidemill.engine.core.events import EventReceived, ListeningEnded, TriggerOrigin
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.settings import CoreSettings
from tidemill.engine.core.state import Phase

A: Task = {"with": {"type": "a"}}
B: Task = {"with": {"type": "b"}}
C: Task = {"with": {"type": "c"}}
LARGE: Task = {"with": {"type": "a", "data": "${ . > 10 }"}}
NAME = "/do/0/hear"


def listen(to: Value, **members: Value) -> Task:
    """A `listen` task; `read` and other members of `listen` stand beside `to`."""
    inside = {"to": to, **({"read": members.pop("read")} if "read" in members else {})}
    return {"hear": {"listen": inside, **members}}


def hear(listener: Listener, stream: str) -> None:
    """Publish a stream such as `a1 b2`: types of one letter, each with a number as data."""
    for word in stream.split():
        listener.publish(word[0], int(word[1:]))


# The strategy; what is published while it listens; the data that it gives, None where it goes on waiting.
STRATEGIES: list[tuple[Value, str, Any]] = [
    ({"one": A}, "b1 a2", [2]),
    ({"one": A}, "b1 b2", None),
    ({"one": LARGE}, "a1 a10 a11", [11]),
    ({"any": [A, B]}, "c1 b2", [2]),
    ({"any": [A, B]}, "c1", None),
    ({"any": []}, "c1", [1]),
    ({"all": [A, B]}, "b1 a2", [1, 2]),
    ({"all": [A, B]}, "a1 a2 a3", None),
    ({"all": [A, B]}, "a1 a2 b3", [1, 3]),
    ({"all": [A, A]}, "a1", None),
    ({"all": [A, A]}, "a1 a2", [1, 2]),
    # 11 passes both filters and counts for the first; then 12 cannot count for it again.
    ({"all": [A, LARGE]}, "a11 a1", None),
    ({"all": [A, LARGE]}, "a11 a1 a12", [11, 12]),
    ({"all": []}, "", []),
    ({"any": [A, B], "until": ". == [1, 2]"}, "a1 c9 b2", [1, 2]),
    ({"any": [A, B], "until": "${ length == 3 }"}, "a1 b2", None),
    ({"any": [], "until": "false"}, "a1 b2 c3", None),
    ({"any": [A], "until": "$input.stop"}, "a1", None),
    ({"any": [A], "until": "$input.go"}, "a1", [1]),
    # The events of an `until` are in no output, and come before the filters of the strategy itself.
    ({"any": [A], "until": {"one": B}}, "a1 a2 b3", [1, 2]),
    ({"any": [A], "until": {"one": B}}, "b3", []),
    ({"any": [], "until": {"one": B}}, "a1 c2 b3", [1, 2]),
    ({"any": [A], "until": {"one": LARGE}}, "a1 a11", [1]),
    ({"any": [A], "until": {"any": [B, C]}}, "a1 c2", [1]),
    ({"any": [A], "until": {"all": [B, C]}}, "c1 a2 b3", [2]),
    ({"any": [A, B], "until": {"all": [B, C]}}, "b1 b2 c3", [2]),
    ({"any": [A], "until": {"all": []}}, "", []),
]


@pytest.mark.parametrize(("to", "stream", "output"), STRATEGIES)
def test_what_a_strategy_takes(to: Value, stream: str, output: Value) -> None:
    listener = Listener(listen(to)).start({"go": True, "stop": False})
    hear(listener, stream)
    if output is None:
        assert listener.phase is Phase.WAITING
        assert listener.subscriptions
    else:
        assert listener.output == output
        assert not listener.subscriptions
        assert ListeningEnded not in {type(fact) for fact in listener.events}


@pytest.mark.parametrize(("to", "stream", "output"), STRATEGIES)
def test_what_is_heard_while_suspended_is_acted_on_by_resume(to: Value, stream: str, output: Value) -> None:
    listener = Listener(set_task("first", "${ . }"), call_task("ask"), listen(to)).start()
    listener.succeed("/do/1/ask", {"go": True, "stop": False})
    if listener.phase is Phase.COMPLETED:
        return
    listener.suspend()
    hear(listener, stream)
    # No more is taken than wanted: what is satisfied has ended its waits, and more events change nothing.
    assert bool(listener.subscriptions) == (output is None)
    if output is not None:
        hear(listener, "a7 b8 c9")
    listener.resume()
    if output is None:
        assert listener.phase is Phase.WAITING
    else:
        assert listener.output == output


def test_an_until_that_fails_while_suspended_fails_when_it_goes_on() -> None:
    listener = Listener(listen({"any": [A], "until": ".[0] + {}"})).start()
    listener.suspend()
    hear(listener, "a1")
    assert listener.phase is Phase.SUSPENDED
    listener.resume()
    assert listener.error.instance == NAME


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        ("data", {"n": [1, 2.5]}),
        ("raw", '{"n":[1,2.5]}'),
        ("envelope", event("a", {"n": [1, 2.5]}, id="x", subject="s")),
    ],
)
def test_how_events_are_read(read: str, expected: Value) -> None:
    until = {"envelope": '.[0].type == "a"', "data": ".[0].n[0] == 1", "raw": '.[0] | startswith("{")'}
    for to in ({"one": A}, {"any": [A], "until": until[read]}):
        listener = Listener(listen(to, read=read)).start()
        listener.publish("a", {"n": [1, 2.5]}, id="x", subject="s")
        assert listener.output == [expected]


@pytest.mark.parametrize(("read", "expected"), [("data", None), ("raw", "")])
def test_an_event_without_data(read: str, expected: Value) -> None:
    listener = Listener(listen({"one": A}, read=read)).start()
    listener.publish("a")
    assert listener.output == [expected]


@pytest.mark.parametrize(
    ("wanted", "passes"),
    [
        ({"source": "/shop"}, True),
        ({"source": "/other"}, False),
        ({"source": "^/sh.p$"}, True),
        ({"source": "^/sh$"}, False),
        ({"data": {"id": 7}}, True),
        ({"data": {"id": 7.0}}, True),
        ({"data": {"id": 8}}, False),
        ({"data": "${ .id == $input.id }"}, True),
        ({"data": "${ .id == $context.id }"}, False),
        ({"data": "${ .id + [] }"}, False),
        ({"subject": "${ $workflow.input.contact }"}, True),
        ({"subject": "${ $task.name }"}, False),
        ({"missing": "x"}, False),
    ],
)
def test_filters_know_the_variables_of_the_task(wanted: Task, passes: bool) -> None:
    listener = Listener(listen({"one": {"with": {"type": "a", **wanted}}})).start({"id": 7, "contact": "ann"})
    assert listener.publish("a", {"id": 7}, subject="ann") == passes
    assert (listener.phase is Phase.COMPLETED) == passes


def test_filters_in_a_loop_know_its_item() -> None:
    wait = listen({"one": {"with": {"type": "a", "data": "${ . == $item }"}}})
    listener = Listener({"each": {"for": {"in": "[5, 6]"}, "do": [wait]}}).start()
    hear(listener, "a6 a5 a5 a6")
    assert listener.output == [6]
    assert [data for _, _, data in listener.received()] == [5, 6]


class TestOnce:
    def test_no_event_is_heard_twice(self) -> None:
        listener = Listener(listen({"all": [A, A]})).start()
        assert listener.publish("a", 1, id="same") == 1
        assert listener.publish("a", 2, id="same") == 0
        assert listener.publish("a", 3, id="same", source="/other") == 1
        assert listener.output == [1, 3]

    def test_not_even_by_two_tasks(self) -> None:
        second = {"then": {"listen": {"to": {"one": A}}}}
        listener = Listener(listen({"one": A}), second).start()
        hear(listener, "a1")
        assert listener.phase is Phase.WAITING
        hear(listener, "a2")
        assert listener.output == [2]

    def test_what_started_it_is_no_news(self) -> None:
        origin = TriggerOrigin("on", "/shop", "first")
        listener = Listener(listen({"one": A})).start(origin=origin)
        assert listener.publish("a", 1, id="first") == 0
        assert listener.publish("a", 2, id="second") == 1

    def test_two_branches_do_not_share_an_event(self) -> None:
        branches = [{"left": {"listen": {"to": {"one": A}}}}, {"right": {"listen": {"to": {"one": A}}}}]
        listener = Listener({"both": {"fork": {"branches": branches}}}).start()
        assert listener.publish("a", 1) == 1
        assert listener.publish("a", 2) == 1
        assert listener.output == [[1], [2]]


class TestUnwanted:
    def test_a_delivery_for_a_wait_that_is_over_changes_nothing(self) -> None:
        listener = Listener(listen({"one": A}), call_task("ask")).start()
        (name,) = listener.subscriptions
        hear(listener, "a1")
        decision = listener.command(DeliverEvent(name, Payload.of(event("a", 2, id="late")), 1))
        assert not decision.events
        assert decision.rejection is None

    def test_a_delivery_that_does_not_pass_changes_nothing(self) -> None:
        listener = Listener(listen({"one": LARGE})).start()
        (name,) = listener.subscriptions
        assert not listener.command(DeliverEvent(name, Payload.of(event("a", 2, id="small")), 1)).events


class TestEarly:
    """Events that came before the wait, as lanes keep them."""

    def test_one_that_came_just_before_is_heard(self) -> None:
        listener = Listener(call_task("ask"), listen({"one": A})).start()
        hear(listener, "b1 a2")
        listener.now_us += 299_000_000
        listener.succeed("/do/0/ask")
        assert listener.output == [2]

    def test_one_that_came_long_before_is_not(self) -> None:
        listener = Listener(call_task("ask"), listen({"one": A})).start()
        hear(listener, "a1")
        listener.now_us += 301_000_000
        listener.succeed("/do/0/ask")
        assert listener.phase is Phase.WAITING

    def test_one_from_before_the_execution_is_not(self) -> None:
        listener = Listener(listen({"one": A})).start()
        (wait,) = [wait for _, wait in listener.subscriptions.values()]
        assert wait.since_us == listener.now_us


class TestLimits:
    def test_more_events_than_the_limit_fault(self) -> None:
        settings = CoreSettings(events_per_listen_max=2)
        listener = Listener(listen({"any": [A], "until": "false"}), settings=settings).start()
        hear(listener, "a1 a2")
        assert listener.phase is Phase.WAITING
        hear(listener, "a3")
        assert "events_per_listen_max (2)" in listener.error.detail

    def test_more_bytes_than_the_limit_fault(self) -> None:
        settings = CoreSettings(bytes_per_listen_max=200)
        listener = Listener(listen({"any": [A], "until": "false"}), settings=settings).start()
        listener.publish("a", "x" * 200)
        assert "bytes_per_listen_max (200)" in listener.error.detail

    def test_a_suspended_listen_takes_one_event_over_the_limit_and_no_more(self) -> None:
        settings = CoreSettings(events_per_listen_max=2)
        listener = Listener(listen({"any": [A], "until": "false"}), settings=settings).start()
        listener.suspend()
        hear(listener, "a1 a2 a3 a4 a5")
        assert len(listener.received()) == 3
        listener.resume()
        assert listener.phase is Phase.FAULTED


def test_a_listen_alone_waits_and_owes_nothing() -> None:
    listener = Listener(listen({"one": A})).start()
    assert listener.phase is Phase.WAITING
    assert not listener.state.owes
    listener.cancel()
    assert not listener.subscriptions


def test_the_output_is_transformed_and_exported_like_any_other() -> None:
    members = {"output": {"as": ".[0]"}, "export": {"as": "{heard: .}"}}
    listener = Listener(listen({"one": A}, **members), set_task("after", "${ $context }")).start()
    hear(listener, "a1")
    assert listener.output == {"heard": 1}


def test_events_are_recorded_whole() -> None:
    listener = Listener(listen({"one": A})).start()
    listener.publish("a", 1, id="x", subject="s", color="red")
    (fact,) = [fact for fact in listener.events if isinstance(fact, EventReceived)]
    assert json.loads(fact.event.data) == event("a", 1, id="x", subject="s", color="red")
