"""Pages of lifecycle events: what rows do not say, and rows that say nothing."""

from tests.unit.core.driver import Driver, wait_task
from tests.unit.lifecycle.stores import LifecycleStore, reader_of
from tidemill.api.events.v1.command_pb2 import EXECUTION_KIND_TRIGGER
from tidemill.api.events.v1.history_pb2 import HistoryBatch
from tidemill.engine.lifecycle import types
from tidemill.engine.lifecycle.reading import Wanted
from tidemill.engine.store.rows import TRIGGER_KIND
from tidemill.telemetry import names
from tidemill.telemetry.metrics import Metrics

ALL = Wanted()


async def test_pages_are_whole_commits_in_order() -> None:
    store = LifecycleStore()
    ids = [await store.run_execution(0) for _ in range(3)]
    reader = reader_of(store, Metrics())
    first = await reader.page(0, 0, 3, ALL)
    second = await reader.page(0, first.last_commit, 3, ALL)
    assert (first.last_commit, second.last_commit) == (2, 3)
    assert list(dict.fromkeys(event.subject for event in first.events + second.events)) == ids


async def test_commits_without_history_are_passed_over() -> None:
    store = LifecycleStore()
    await store.commit_nothing(0)
    await store.commit_nothing(0)
    page = await reader_of(store, Metrics()).page(0, 0, 2, ALL)
    assert (page.events, page.last_commit) == ([], 2)


async def test_a_row_without_the_start_takes_its_facts_from_the_execution() -> None:
    store = LifecycleStore()
    driver = Driver(wait_task("pause", 60)).start()
    driver.suspend()
    execution_id = await store.commit_row(0, 3, driver.rows[-1], subject="contact-7")
    (event,) = (await reader_of(store, Metrics()).page(0, 0, 1, ALL)).events
    assert (event.type, event.id, event.source, event.lane_subject) == (
        types.WORKFLOW_SUSPENDED,
        f"{execution_id}/3",
        "/shop/orders",
        "contact-7",
    )


async def test_executions_of_schedules_are_left_out_from_their_start_on() -> None:
    store = LifecycleStore()
    begun = HistoryBatch(schema=1)
    begun.events.add().execution_started.kind = EXECUTION_KIND_TRIGGER
    going_on = HistoryBatch(schema=1)
    going_on.events.add().execution_suspended.SetInParent()
    await store.commit_row(0, 1, begun.SerializeToString(), kind=TRIGGER_KIND)
    await store.commit_row(0, 2, going_on.SerializeToString(), kind=TRIGGER_KIND)
    page = await reader_of(store, Metrics()).page(0, 0, 2, ALL)
    assert (page.events, page.last_commit) == ([], 2)


async def test_a_damaged_row_costs_itself_alone_and_is_counted() -> None:
    store, metrics = LifecycleStore(), Metrics()
    await store.commit_row(0, 1, b"\xff\xff")
    whole = await store.run_execution(0)
    page = await reader_of(store, metrics).page(0, 0, 2, ALL)
    assert {event.subject for event in page.events} == {whole}
    assert metrics.counter(names.ENGINE_LIFECYCLE_UNREADABLE).value == 1


async def test_a_reader_gets_what_it_wants_alone() -> None:
    store = LifecycleStore()
    await store.run_execution(0)
    reader = reader_of(store, Metrics())
    for wanted, found in (
        (Wanted(namespace="shop"), 5),
        (Wanted(namespace="elsewhere"), 0),
        (Wanted(workflow="orders"), 5),
        (Wanted(workflow="other"), 0),
        (Wanted(types=frozenset({types.TASK_CREATED})), 1),
    ):
        page = await reader.page(0, 0, 1, wanted)
        assert (len(page.events), page.last_commit) == (found, 1)
