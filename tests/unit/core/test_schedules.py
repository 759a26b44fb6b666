"""The plan of a schedule waits for times or events, starts the workflow, and never ends by an error."""

from typing import Final

import pytest

from tests.unit.core.driver import EXECUTION_ID, PROBLEM_TYPE, SECOND_US, START_US, Task, Value
from tests.unit.core.listener import Listener
from tidemill import lanes
from tidemill.engine.core.commands import Start
from tidemill.engine.core.events import (
    ChildRequested,
    ChildState,
    ErrorCaught,
    Kind,
    ScheduleFired,
    TriggerOrigin,
)
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.problems import Problem
from tidemill.engine.core.schedules import trigger_plan
from tidemill.engine.core.settings import CoreSettings
from tidemill.engine.core.state import Phase
from tidemill.engine.core.times import rfc3339

# START_US is Tuesday, 2023-11-14T22:13:20Z.
HOUR_US: Final = 3_600 * SECOND_US
PAID: Final = {"with": {"type": "paid"}}
SENT: Final = {"with": {"type": "sent"}}


def definition(schedule: Task, metadata: Task | None = None) -> Value:
    header: Task = {"dsl": "1.0.3", "namespace": "shop", "name": "orders", "version": "1.2.3"}
    if metadata is not None:
        header["metadata"] = metadata
    timeout = {"after": {"seconds": 1}}
    return {"document": header, "schedule": schedule, "do": [{"it": {"set": {}}}], "timeout": timeout}


def scheduled(schedule: Task, metadata: Task | None = None, settings: CoreSettings | None = None) -> Listener:
    """The execution of a schedule, begun."""
    driver = Listener()
    plan = trigger_plan(definition(schedule, metadata), digest=b"digest", settings=settings or CoreSettings())
    assert plan is not None
    assert plan.digest == b"digest"
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
    return driver


def fires(driver: Listener) -> list[ScheduleFired]:
    return [event for event in driver.events if isinstance(event, ScheduleFired)]


def started(driver: Listener) -> list[tuple[str, str]]:
    """What each start was for: the trigger, and the fire time or event."""
    return [(child.origin.trigger, child.origin.event_id) for child in driver.all_children if child.origin]


@pytest.mark.parametrize(
    "schedule",
    [
        {},
        {"on": {"one": PAID}},
        {"on": {"any": [PAID, SENT]}},
    ],
)
def test_what_needs_no_memory_has_no_plan(schedule: Task) -> None:
    assert trigger_plan(definition(schedule), digest=b"", settings=CoreSettings()) is None


class TestTimes:
    def test_every_counts_from_the_start_of_the_schedule(self) -> None:
        driver = scheduled({"every": {"hours": 1}})
        assert driver.phase is Phase.WAITING
        assert not driver.all_children
        for _ in range(3):
            driver.fire_next()
        assert started(driver) == [("every", rfc3339(START_US + number * HOUR_US)) for number in (1, 2, 3)]

    def test_what_is_started_has_no_parent_and_stands_in_a_lane_of_its_own(self) -> None:
        driver = scheduled({"every": "PT1H"})
        driver.fire_next()
        (child,) = driver.all_children
        fire = rfc3339(START_US + HOUR_US)
        unique = lanes.derived_uuid(("event", "shop", "orders", "", "every", "", fire))
        lane = lanes.own_lane("shop", unique)
        assert child == ChildRequested(
            execution_id=lanes.execution_id(lanes.lane_hash(lane), unique),
            namespace="shop",
            workflow="orders",
            version="1.2.3",
            input=Payload.of({}),
            awaited=False,
            origin=TriggerOrigin("every", "", fire),
        )

    @pytest.mark.parametrize(
        ("metadata", "fire"),
        [
            (None, "2023-11-15T09:00:00Z"),
            ({"timezone": "Europe/Paris"}, "2023-11-15T08:00:00Z"),
            ({"timezone": "UTC", "tidemill": {"timezone": "Europe/Paris"}}, "2023-11-15T08:00:00Z"),
        ],
    )
    def test_cron_fires_in_the_zone_of_the_document(self, metadata: Task | None, fire: str) -> None:
        driver = scheduled({"cron": "0 9 * * *"}, metadata)
        driver.fire_next()
        assert started(driver) == [("cron", fire)]

    @pytest.mark.parametrize(
        ("policy", "starts", "missed"),
        [(None, 1, 4), ("one", 1, 4), ("skip", 0, 5), ({"all": 3}, 3, 2), ({"all": 9}, 5, 0)],
    )
    def test_missed_fire_times_follow_the_policy(self, policy: Value, starts: int, missed: int) -> None:
        driver = scheduled({"every": "PT1H"}, {"tidemill": {"missedFires": policy}} if policy else None)
        driver.now_us = START_US + 5 * HOUR_US + HOUR_US // 2
        driver.fire_next()
        (fired,) = fires(driver)
        assert (len(fired.starts_us), fired.missed) == (starts, missed)
        assert len(driver.all_children) == starts
        assert list(driver.timers.values()) == [START_US + 6 * HOUR_US]

    def test_a_suspended_schedule_makes_up_for_what_it_missed(self) -> None:
        driver = scheduled({"every": "PT1H"}, {"tidemill": {"missedFires": {"all": 10}}})
        driver.suspend()
        driver.fire_next()
        assert not driver.all_children
        driver.now_us = START_US + 3 * HOUR_US
        driver.resume()
        assert len(driver.all_children) == 3
        assert list(driver.timers.values()) == [START_US + 4 * HOUR_US]

    def test_many_starts_are_spread_over_turns_and_no_fire_time_is_lost_meanwhile(self) -> None:
        policy = {"tidemill": {"missedFires": {"all": 1_000}}}
        driver = scheduled({"every": "PT1S"}, policy, CoreSettings(entries_per_command_max=100))
        driver.now_us = START_US + 1_000 * SECOND_US
        driver.fire_next()
        assert driver.state.yielded
        # The clock goes on while the starts are on their way.
        driver.now_us += 2 * SECOND_US
        driver.go_on()
        driver.fire_next()
        driver.go_on()
        assert started(driver) == [
            ("every", rfc3339(START_US + number * SECOND_US)) for number in range(1, 1_003)
        ]

    def test_a_time_that_never_comes_ends_the_schedule(self) -> None:
        assert scheduled({"cron": "0 0 30 2 *"}).output == {"fires": []}


class TestAfter:
    def test_the_first_start_is_at_once_and_the_next_one_a_pause_after_the_end(self) -> None:
        driver = scheduled({"after": "PT1H"})
        for number in range(1, 4):
            (child,) = driver.children.values()
            assert (child.workflow, child.version, child.awaited) == ("orders", "1.2.3", True)
            assert child.execution_id[:8] == EXECUTION_ID[:8]
            driver.end_child(child, output={"large": "output"})
            assert len(driver.all_children) == number
            driver.fire_next()
        assert driver.now_us == START_US + 3 * HOUR_US
        assert driver.state.root.data.value == {}

    @pytest.mark.parametrize("state", [ChildState.FAULTED, ChildState.CANCELLED])
    def test_however_it_ends_the_next_one_begins(self, state: ChildState) -> None:
        driver = scheduled({"after": "PT1H"})
        driver.end_child(driver.all_children[0], state, error=Problem(PROBLEM_TYPE, 503))
        assert driver.names(ErrorCaught) == ["start"]
        driver.fire_next()
        assert len(driver.all_children) == 2

    def test_the_end_of_the_schedule_leaves_what_it_has_started_alone(self) -> None:
        driver = scheduled({"after": "PT1H"})
        (child,) = driver.children.values()
        driver.children.clear()
        driver.cancel()
        assert driver.phase is Phase.CANCELLED
        assert not driver.cancelled_children
        assert not driver.end_child(child).events


class TestEvents:
    def test_all_of_several_start_one_execution_again_and_again(self) -> None:
        driver = scheduled({"on": {"all": [PAID, SENT]}})
        for number in (1, 2):
            driver.publish("sent", {"n": number}, subject="c1")
            assert len(driver.all_children) == number - 1
            driver.publish("paid", {"m": number}, subject="c2")
            child = driver.all_children[-1]
            assert child.input.value == [{"n": number}, {"m": number}]
            assert child.subject == "c1"
            assert child.origin == TriggerOrigin("on", "/shop", f"e{2 * number - 1}")
            lane = lanes.subject_lane("shop", "c1")
            assert child.execution_id.startswith(f"{lanes.lane_hash(lane):08x}-")

    def test_an_event_counts_once(self) -> None:
        driver = scheduled({"on": {"all": [PAID, SENT]}})
        driver.publish("paid", 1)
        driver.publish("paid", 2)
        driver.publish("sent", 3)
        driver.publish("sent", 4)
        assert [child.input.value for child in driver.all_children] == [[1, 3], [2, 4]]

    @pytest.mark.parametrize(
        ("read", "expected"),
        [
            ("data", {"n": 1}),
            ("raw", '{"n":1}'),
            (
                "envelope",
                {"specversion": "1.0", "source": "/shop", "type": "paid", "id": "e1", "data": {"n": 1}},
            ),
        ],
    )
    def test_read_says_what_the_workflow_gets(self, read: str, expected: Value) -> None:
        driver = scheduled({"on": {"any": [PAID], "until": ". != []"}, "read": read})
        driver.publish("paid", {"n": 1})
        assert driver.all_children[0].input.value == [expected]

    @pytest.mark.parametrize(
        ("key", "subject"), [(".data.contact", "c7"), ("${ .data.n }", "5"), (".data.nothing", "")]
    )
    def test_the_ordering_key_finds_the_subject_on_the_first_event(self, key: str, subject: str) -> None:
        driver = scheduled({"on": {"all": [PAID, SENT]}}, {"tidemill": {"orderingKey": key}})
        driver.publish("paid", {"contact": "c7", "n": 5}, subject="other")
        driver.publish("sent", {"contact": "c8"})
        assert driver.all_children[0].subject == subject

    @pytest.mark.parametrize("key", [".data", ".data.n.x", ".data.long"])
    def test_an_ordering_key_that_fails_is_recorded_and_the_schedule_goes_on(self, key: str) -> None:
        driver = scheduled({"on": {"all": [PAID, SENT]}}, {"tidemill": {"orderingKey": key}})
        driver.publish("paid", {"n": 5, "long": "c" * 300})
        driver.publish("sent")
        assert not driver.all_children
        (caught,) = [event for event in driver.events if isinstance(event, ErrorCaught)]
        assert caught.error.type.endswith("/errors/expression")
        assert driver.phase is Phase.WAITING
        assert driver.state.subscriptions

    def test_events_are_collected_until_another_one_comes(self) -> None:
        driver = scheduled({"on": {"any": [PAID], "until": {"one": SENT}}})
        driver.publish("paid", 1)
        driver.publish("paid", 2)
        driver.publish("sent")
        assert [child.input.value for child in driver.all_children] == [[1, 2]]
        driver.publish("sent")
        assert len(driver.all_children) == 1
        assert driver.phase is Phase.WAITING

    def test_events_that_belong_together_start_together(self) -> None:
        correlate = {"correlate": {"order": {"from": ".data.order"}}}
        driver = scheduled({"on": {"all": [{**PAID, **correlate}, {**SENT, **correlate}]}})
        driver.publish("paid", {"order": 1})
        driver.publish("sent", {"order": 2})
        assert not driver.all_children
        driver.publish("sent", {"order": 1})
        assert started(driver) == [("on", "e1")]
