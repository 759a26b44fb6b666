"""`foreach` of a `listen`: one event after the other, while others come and wait for their turn."""

from typing import Any

import pytest

from tests.unit.core.driver import Task, Value, call_task, raise_task, set_task, wait_task
from tests.unit.core.listener import Listener
from tidemill.engine.core.events import (
    EventReceived,
    ListeningEnded,
    RoundCompleted,
    RoundStarted,
    TaskStarted,
)
from tidemill.engine.core.settings import CoreSettings
from tidemill.engine.core.state import Phase

ANY: Task = {"any": [{"with": {"type": "a"}}]}
STOP: Task = {"one": {"with": {"type": "stop"}}}
PLACE = "/do/0/hear/foreach/do/0/ask"
ASK = call_task("ask", {"n": "${ $item }", "at": "${ $index }"})
NOTE = set_task("note", {"n": "${ $item }", "at": "${ $index }", "input": "${ . }"})


def listen(*tasks: Task, until: Value = STOP, to: Value = None, read: str = "data", **foreach: Value) -> Task:
    """A `listen` with a `foreach` of these tasks."""
    inside = {"to": to or {**ANY, "until": until}, "read": read}
    return {"hear": {"listen": inside, "foreach": {"do": list(tasks), **foreach}}}


def arguments(listener: Listener) -> list[Any]:
    """What all calls were given."""
    return [call.arguments.value for call in listener.all_calls]


def test_events_are_gone_through_one_after_the_other() -> None:
    listener = Listener(listen(ASK)).start()
    for number in (5, 6, 7):
        assert listener.publish("a", number)
    assert arguments(listener) == [{"n": 5, "at": 0}]
    listener.succeed(PLACE)
    listener.succeed(PLACE)
    assert arguments(listener) == [{"n": 5, "at": 0}, {"n": 6, "at": 1}, {"n": 7, "at": 2}]
    listener.publish("stop")
    assert listener.phase is Phase.RUNNING
    listener.succeed(PLACE)
    assert listener.output == [5, 6, 7]
    assert [call.key.partition("#")[2] for call in listener.all_calls] == ["1.1.1", "1.2.1", "1.3.1"]


def test_it_ends_when_enough_has_come_and_every_event_is_gone_through() -> None:
    listener = Listener(listen(ASK), set_task("after", "${ . }")).start()
    listener.publish("a", 5)
    listener.publish("a", 6)
    listener.publish("stop")
    assert not listener.subscriptions
    assert not listener.publish("a", 7)
    listener.succeed(PLACE)
    listener.succeed(PLACE)
    assert listener.output == [5, 6]
    facts = [type(fact) for fact in listener.events if type(fact) in (EventReceived, ListeningEnded)]
    assert facts == [EventReceived, EventReceived, EventReceived, ListeningEnded]


@pytest.mark.parametrize(
    ("to", "output"),
    [
        ({"one": {"with": {"type": "a"}}}, [5]),
        (ANY, [5]),
        ({"all": [{"with": {"type": "a"}}, {"with": {"type": "b"}}]}, [5, 6]),
        ({**ANY, "until": "length == 2"}, [5, 7]),
    ],
)
def test_every_strategy_has_rounds(to: Value, output: Value) -> None:
    listener = Listener(listen(NOTE, to=to)).start()
    listener.publish("a", 5)
    listener.publish("b", 6)
    listener.publish("a", 7)
    assert listener.output == output
    assert listener.names(RoundStarted) == ["hear"] * len(output)


def test_each_round_begins_with_the_input_of_the_task() -> None:
    listener = Listener(listen(NOTE, output={"as": "."})).start({"x": 1})
    listener.publish("a", 5)
    listener.publish("a", 6)
    listener.publish("stop")
    assert listener.output == [{"n": 5, "at": 0, "input": {"x": 1}}, {"n": 6, "at": 1, "input": {"x": 1}}]


@pytest.mark.parametrize(
    ("foreach", "output"),
    [
        ({}, [5, 6]),
        ({"output": {"as": ".n"}}, [5, 6]),
        ({"output": {"as": "[$item, $index, .n]"}}, [[5, 0, 5], [6, 1, 6]]),
        ({"output": {"as": {"was": "${ $item }"}}}, [{"was": 5}, {"was": 6}]),
        ({"output": {"as": "null"}}, [None, None]),
        ({"item": "number", "at": "i", "do": [], "output": {"as": "[$number, $i]"}}, [[5, 0], [6, 1]]),
        # Without tasks, what is transformed is the event.
        ({"do": [], "output": {"as": ". * 2"}}, [10, 12]),
        ({"do": []}, [5, 6]),
    ],
)
def test_what_the_output_holds_for_each_event(foreach: Task, output: Value) -> None:
    foreach.setdefault("do", [NOTE])
    listener = Listener({"hear": {"listen": {"to": {**ANY, "until": STOP}}, "foreach": foreach}}).start()
    listener.publish("a", 5)
    listener.publish("a", 6)
    listener.publish("stop")
    assert listener.output == output


@pytest.mark.parametrize(("read", "item"), [("data", 5), ("raw", "5"), ("envelope", "a")])
def test_the_item_is_the_event_as_it_is_read(read: str, item: Value) -> None:
    seen = {"as": '$item | if type == "object" then .type else . end'}
    listener = Listener(listen(read=read, output=seen)).start()
    listener.publish("a", 5)
    listener.publish("stop")
    assert listener.output == [item]


class TestExport:
    def test_each_round_exports(self) -> None:
        export = {"as": "{sum: (($context.sum // 0) + .n)}"}
        listener = Listener(listen(NOTE, output={"as": "{n}"}, export=export), set_task("c", "${ $context }"))
        listener.start()
        for number in (5, 6):
            listener.publish("a", number)
        listener.publish("stop")
        assert listener.output == {"sum": 11}

    def test_until_may_ask_for_what_was_exported(self) -> None:
        export = {"as": "{sum: (($context.sum // 0) + $item)}"}
        listener = Listener(listen(ASK, until="$context.sum > 10", export=export)).start()
        listener.publish("a", 5)
        listener.publish("a", 6)
        listener.succeed(PLACE)
        assert listener.phase is Phase.RUNNING
        listener.succeed(PLACE)
        assert listener.output == [5, 6]

    def test_events_that_wait_when_a_round_brings_the_end_are_gone_through(self) -> None:
        listener = Listener(listen(ASK, until="$context.enough", export={"as": "{enough: true}"})).start()
        listener.publish("a", 5)
        listener.publish("a", 6)
        listener.succeed(PLACE)
        assert not listener.subscriptions
        listener.succeed(PLACE)
        assert listener.output == [5, 6]

    @pytest.mark.parametrize("member", ["output", "export"])
    def test_schemas_are_checked(self, member: str) -> None:
        schema = {"format": "json", "document": {"type": "string"}}
        foreach: Task = {member: {"schema": schema, "as": "$item"}}
        listener = Listener(listen(NOTE, **foreach)).start()
        listener.publish("a", "text")
        assert listener.phase is Phase.WAITING
        listener.publish("a", 5)
        assert (listener.error.status, listener.error.instance) == (400, "/do/0/hear")

    def test_a_schema_alone_checks_the_event(self) -> None:
        schema = {"format": "json", "document": {"type": "string"}}
        listener = Listener(listen(NOTE, output={"schema": schema})).start()
        listener.publish("a", 5)
        assert listener.error.instance == "/do/0/hear"

    def test_a_transformation_that_fails_faults_the_task(self) -> None:
        listener = Listener(listen(NOTE, output={"as": ". + 1"})).start()
        listener.publish("a", 5)
        assert listener.error.instance == "/do/0/hear"


class TestFlow:
    def test_exit_ends_the_round_and_end_the_workflow(self) -> None:
        skip: Task = {"skip": {"switch": [{"odd": {"when": "$item % 2 == 1", "then": "exit"}}]}}
        stop: Task = {"stop": {"switch": [{"large": {"when": "$item > 10", "then": "end"}}]}}
        listener = Listener(listen(skip, stop, ASK), set_task("never", 1)).start()
        listener.publish("a", 5)
        assert not listener.all_calls
        listener.publish("a", 6)
        listener.succeed(PLACE.replace("0/ask", "2/ask"))
        listener.publish("a", 12)
        assert listener.phase is Phase.COMPLETED
        assert not listener.subscriptions

    def test_a_listen_inside_a_round_takes_its_own_events(self) -> None:
        inner = {"inner": {"listen": {"to": {"one": {"with": {"type": "b", "data": "${ . == $item }"}}}}}}
        listener = Listener(listen(inner, output={"as": "{item: $item, heard: .}"})).start()
        listener.publish("a", 5)
        listener.publish("a", 6)
        assert not listener.publish("b", 6, id="early")
        listener.publish("b", 5)
        # The second round's wait finds what came before it in its lane.
        listener.publish("stop")
        assert listener.output == [{"item": 5, "heard": [5]}, {"item": 6, "heard": [6]}]

    def test_rounds_are_put_off_when_the_command_has_done_its_part(self) -> None:
        settings = CoreSettings(entries_per_command_max=3)
        listener = Listener(listen(NOTE, until="length == 6"), settings=settings).start()
        listener.suspend()
        for number in range(6):
            listener.publish("a", number)
        listener.resume()
        assert listener.phase is Phase.RUNNING
        listener.go_on()
        assert listener.output == [0, 1, 2, 3, 4, 5]

    def test_an_event_that_comes_while_a_round_is_put_off_waits_its_turn(self) -> None:
        settings = CoreSettings(entries_per_command_max=1)
        listener = Listener(listen(NOTE), settings=settings).start()
        for number in range(3):
            listener.publish("a", number)
        listener.publish("stop")
        listener.go_on()
        assert listener.output == [0, 1, 2]
        assert listener.names(RoundCompleted) == ["hear"] * 3


class TestFaults:
    def test_a_fault_in_a_round_ends_the_listen(self) -> None:
        catch = {"do": [set_task("caught", {"status": "${ $error.status }"})]}
        listener = Listener({"try": {"try": [listen(raise_task("oops", 418))], "catch": catch}}).start()
        listener.publish("a", 5)
        assert listener.output == {"status": 418}
        assert not listener.subscriptions

    def test_a_timeout_cancels_the_round_under_way(self) -> None:
        task = listen(ASK)
        task["hear"]["timeout"] = {"after": "PT5S"}
        listener = Listener(task).start()
        listener.publish("a", 5)
        listener.fire_next()
        assert listener.error.status == 408
        assert listener.cancellations
        assert not listener.subscriptions

    def test_an_operators_retry_goes_on_in_the_round_and_listens_again(self) -> None:
        listener = Listener(listen(ASK)).start()
        listener.publish("a", 5)
        listener.publish("a", 6)
        listener.succeed(PLACE)
        listener.fail(PLACE)
        assert not listener.subscriptions
        listener.retry()
        assert list(listener.subscriptions) == ["/do/0/hear#1/1+1:0", "/do/0/hear#1/1+1:1"]
        call = listener.call_of(PLACE)
        assert (call.attempt, call.arguments.value) == (2, {"n": 6, "at": 1})
        listener.publish("a", 7)
        listener.succeed(PLACE)
        listener.succeed(PLACE)
        listener.publish("stop")
        assert listener.output == [5, 6, 7]

    def test_a_retry_after_enough_has_come_listens_no_more(self) -> None:
        listener = Listener(listen(ASK)).start()
        listener.publish("a", 5)
        listener.publish("stop")
        listener.fail(PLACE)
        listener.retry()
        assert not listener.subscriptions
        listener.succeed(PLACE)
        assert listener.output == [5]

    def test_a_retry_after_a_timeout_begins_the_round_again_that_was_under_way(self) -> None:
        task = listen(ASK)
        task["hear"]["timeout"] = {"after": "PT5S"}
        listener = Listener(task).start()
        listener.publish("a", 5)
        listener.publish("a", 6)
        listener.succeed(PLACE)
        listener.fire_next()
        listener.retry()
        call = listener.call_of(PLACE)
        assert call.arguments.value == {"n": 6, "at": 1}
        assert (call.key.partition("#")[2], call.attempt) == ("1.2.1", 2)
        listener.succeed(PLACE)
        listener.publish("stop")
        assert listener.output == [5, 6]

    def test_a_retry_of_a_listen_between_two_rounds_goes_on_with_the_next(self) -> None:
        branches = [listen(NOTE), call_task("ask")]
        listener = Listener({"both": {"fork": {"branches": branches}}}).start()
        listener.publish("a", 5)
        listener.fail("/do/0/both/fork/branches/1/ask")
        listener.retry()
        listener.publish("a", 6)
        listener.publish("stop")
        listener.succeed("/do/0/both/fork/branches/1/ask", "done")
        assert listener.output == [[5, 6], "done"]
        assert [name for name in listener.names(TaskStarted) if name == "note"] == ["note", "note"]


def test_while_suspended_events_queue_and_the_round_under_way_is_kept() -> None:
    listener = Listener(listen(ASK, wait_task("pause", 1))).start()
    listener.publish("a", 5)
    listener.suspend()
    listener.publish("a", 6)
    listener.succeed(PLACE)
    listener.publish("stop")
    assert not listener.subscriptions
    listener.resume()
    listener.fire_next()
    listener.succeed(PLACE)
    listener.fire_next()
    assert listener.output == [5, 6]
