"""Stories of executions that wait: for children, for slots, for their next turn, for fire times."""

from typing import Final

from tests.unit.core.driver import EXECUTION_ID, SECOND_US, Driver, Task, call_task, document, set_task
from tidemill.engine.core.commands import Start
from tidemill.engine.core.events import ChildState, Kind
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.problems import Problem
from tidemill.engine.core.schedules import trigger_plan
from tidemill.engine.core.settings import CoreSettings

SHORT_TURNS: Final = CoreSettings(entries_per_command_max=10)
GUARD: Final = "/do/1/guard/try/0/second"


def _run(name: str, **run: object) -> Task:
    return {name: {"run": {"workflow": {"namespace": "shop", "name": "child", "input": {"n": 1}}, **run}}}


def with_children() -> Driver:
    """A child that ends well, one whose error is caught, one that nobody awaits, and one under way."""
    guard: Task = {"guard": {"try": [_run("second")], "catch": {"do": [set_task("sorry", {"n": 2})]}}}
    driver = Driver(_run("first"), guard, _run("third", **{"await": False}), _run("fourth")).start()
    driver.end_child(driver.child_of("/do/0/first"), output={"n": 1})
    error = Problem("https://example.com/errors/outage", 503, "Outage", "all is dark", "/do/0/deep")
    driver.end_child(driver.child_of(GUARD), ChildState.FAULTED, error=error)
    return driver


def child_cancelled() -> Driver:
    """A child that lost a race."""
    branches = [_run("slow"), call_task("quick")]
    driver = Driver({"race": {"fork": {"compete": True, "branches": branches}}}).start()
    driver.succeed("/do/0/race/fork/branches/1/quick", {"won": True})
    return driver


def paced() -> Driver:
    """One slot taken, one granted for later, and one that has not come."""
    pace: Task = {"call": "pace:1.0.0@default", "with": {"limit": 1, "per": "PT1M", "key": "sms"}}
    branches = [{"second": pace}, {"third": pace}]
    driver = Driver({"first": pace}, {"both": {"fork": {"branches": branches}}}).start()
    driver.grant("/do/0/first#1/1")
    driver.fire_next()
    driver.grant("/do/1/both/fork/branches/0/second#1/1", 60)
    return driver


def taking_turns() -> Driver:
    """Two loops side by side that have been put off twice."""
    count = set_task("count", {"n": "${ .n + 1 }"})
    loop = {"for": {"in": "[range(20)]"}, "do": [count]}
    branches: list[Task] = [{"left": loop}, {"right": loop}]
    driver = Driver({"both": {"fork": {"branches": branches}}}, settings=SHORT_TURNS).start({"n": 0})
    driver.fire_next()
    return driver


def scheduled() -> Driver:
    """A schedule that has fired in time, and then made up for two of three hours that it missed."""
    driver = Driver()
    definition = document(schedule={"every": "PT1H"})
    header = definition["document"]
    assert isinstance(header, dict)
    header["metadata"] = {"tidemill": {"missedFires": {"all": 2}}}
    plan = trigger_plan(definition, digest=b"", settings=CoreSettings())
    assert plan is not None
    driver.plan = plan
    driver.command(
        Start(
            execution_id=EXECUTION_ID,
            namespace="shop",
            workflow="orders",
            version="1.2.3",
            input=Payload.of({}),
            kind=Kind.TRIGGER,
        )
    )
    driver.fire_next()
    driver.now_us += 3 * 3_600 * SECOND_US
    driver.fire_next()
    return driver
