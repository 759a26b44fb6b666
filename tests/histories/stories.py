"""Short lives of executions, told once, to record the histories that they leave."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from tests.histories import listening_stories as hearing
from tests.histories import reuse_stories as reuse
from tests.histories import waiting_stories as waits
from tests.unit.core.driver import Driver, call_task, raise_task, set_task, wait_task
from tidemill.engine.core.events import ActionState


def straight() -> Driver:
    """Calls one after the other, with data handed on, exported and skipped."""
    driver = Driver(
        call_task("first", "${ . }", export={"as": "{seen: .n}"}),
        set_task("never", {"x": 1}, **{"if": "false"}),
        call_task("second", {"n": "${ .n + 1 }"}, output={"as": ".n"}),
    ).start({"n": 1})
    driver.succeed("/do/0/first", {"n": 2})
    driver.succeed("/do/2/second", {"n": 3})
    return driver


def retried() -> Driver:
    """A try that retries twice, and then hands over to its catch."""
    catch = {
        "as": "why",
        "retry": {"delay": {"seconds": 1}, "limit": {"attempt": {"count": 2}}},
        "do": [set_task("excuse", {"status": "${ $why.status }"})],
    }
    driver = Driver({"careful": {"try": [call_task("flaky")], "catch": catch}}).start()
    for _ in range(3):
        driver.fail("/do/0/careful/try/0/flaky")
        if driver.timers:
            driver.fire_next()
    return driver


def raced() -> Driver:
    """A race whose loser is cancelled, and confirmed after the end."""
    branches = [call_task("slow"), call_task("quick")]
    driver = Driver({"race": {"fork": {"compete": True, "branches": branches}}}).start()
    driver.succeed("/do/0/race/fork/branches/1/quick", {"won": True})
    (key, _), *_ = driver.cancellations
    driver.confirm(key)
    return driver


def looped() -> Driver:
    """A loop with a call in each round, left in its second round."""
    loop = {"for": {"each": "item", "in": ".items"}, "do": [call_task("work", {"item": "${ $item }"})]}
    driver = Driver({"loop": loop}).start({"items": ["a", "b", "c"]})
    driver.succeed("/do/0/loop/do/0/work", {"done": 1})
    return driver


def waiting() -> Driver:
    """A wait under a time limit of the workflow, suspended, and its timer fired meanwhile."""
    driver = Driver(
        wait_task("pause", 60), set_task("after", {"done": True}), timeout={"after": {"hours": 1}}
    )
    driver.start()
    driver.suspend()
    driver.fire_next()
    return driver


def resumed() -> Driver:
    """The same, gone on to its end."""
    driver = waiting()
    driver.resume()
    return driver


def faulted_and_retried() -> Driver:
    """A fault, an operator's retry, a second fault."""
    driver = Driver(call_task("work")).start()
    driver.fail("/do/0/work")
    driver.retry()
    driver.fail("/do/0/work", status=500)
    return driver


def cancelled() -> Driver:
    """Ended by an operator with a call under way, whose outcome comes late."""
    driver = Driver(call_task("work")).start()
    call = driver.call_of("/do/0/work")
    driver.cancel()
    driver.answer(call, ActionState.SUCCEEDED)
    return driver


def timed_out() -> Driver:
    """A task that takes too long, caught."""
    limited = call_task("slow", timeout={"after": {"seconds": 5}})
    catch = {"errors": {"with": {"status": 408}}, "do": [set_task("late", {"late": True})]}
    driver = Driver({"careful": {"try": [limited], "catch": catch}}).start()
    driver.fire_next()
    return driver


def emitted_and_raised() -> Driver:
    """An event published, a switch, and an error of the author's own."""
    driver = Driver(
        {"tell": {"emit": {"event": {"with": {"source": "/s", "type": "t", "data": {"n": "${ .n }"}}}}}},
        {"choose": {"switch": [{"many": {"when": ".data.n > 1", "then": "refuse"}}]}},
        set_task("fine", {"fine": True}, then="end"),
        raise_task("refuse", 422),
    ).start({"n": 2})
    call = driver.call_of("/do/0/tell")
    driver.answer(call, ActionState.SUCCEEDED, output=call.arguments)
    return driver


STORIES: Final[Mapping[str, Callable[[], Driver]]] = MappingProxyType(
    {
        story.__name__: story
        for story in (
            straight,
            retried,
            raced,
            looped,
            waiting,
            resumed,
            faulted_and_retried,
            cancelled,
            timed_out,
            emitted_and_raised,
            waits.with_children,
            waits.child_cancelled,
            waits.paced,
            waits.taking_turns,
            waits.scheduled,
            hearing.correlating,
            hearing.listening_again,
            hearing.chatting,
            hearing.chatted,
            hearing.stopped,
            reuse.calling_functions,
            reuse.extended,
        )
    }
)
