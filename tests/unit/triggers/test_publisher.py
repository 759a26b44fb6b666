"""Events in, outcomes out."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.unit.triggers.parts import SILENCE_US_MAX, Service, metric
from tests.unit.triggers.samples import NAMESPACE, anyof, document, one, raw
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.clock import settle
from tidemill.errors import OverloadedError, TidemillError
from tidemill.triggers.errors import NotReadyError
from tidemill.triggers.outcomes import Outcome

LEADS = document(one(type="lead.created"))
SAMPLED = f"00-{'a' * 32}-{'b' * 16}-01"
OTHER = f"00-{'c' * 32}-{'d' * 16}-01"


def reason(outcome: Outcome) -> str | None:
    return None if outcome.error is None else outcome.error.reason_name


def shape(outcomes: Sequence[Outcome]) -> list[tuple[str, list[bool], str | None]]:
    """Event id, which executions were created, why it was refused."""
    return [(item.event_id, [one.created for one in item.executions], reason(item)) for item in outcomes]


async def test_an_event_starts_an_execution_of_the_version_that_it_met() -> None:
    async with Service() as service:
        await service.put_in_force(LEADS, document(one(type="lead.created"), version="1.1.0"))
        (outcome,) = await service.publisher.publish(NAMESPACE, [raw(subject="c1")])
    (started,) = outcome.executions
    assert started.execution_id in service.engine.started
    assert (started.trigger.condition.workflow, started.trigger.condition.version_text) == (
        "nurture",
        "1.1.0",
    )
    assert (started.created, outcome.error) == (True, None)


async def test_one_event_may_start_several_workflows_in_one_call() -> None:
    async with Service() as service:
        await service.put_in_force(*(document(one(type="lead.created"), name=name) for name in "ab"))
        (outcome,) = await service.publisher.publish(NAMESPACE, [raw()])
    assert [item.trigger.condition.workflow for item in outcome.executions] == ["a", "b"]
    assert service.engine.calls == [["1", "1"]]


async def test_an_event_that_nothing_listens_to_costs_no_call() -> None:
    async with Service() as service:
        await service.put_in_force(LEADS)
        outcomes = await service.publisher.publish(NAMESPACE, [raw("other"), raw("other", id="2")])
    assert shape(outcomes) == [("1", [], None), ("2", [], None)]
    assert service.engine.calls == []


async def test_a_whole_batch_is_one_call() -> None:
    async with Service() as service:
        await service.put_in_force(LEADS)
        events = [raw(id=str(number)) for number in range(10)]
        outcomes = await service.publisher.publish(NAMESPACE, events)
    assert shape(outcomes) == [(str(number), [True], None) for number in range(10)]
    assert len(service.engine.calls) == 1


async def test_no_events_are_no_outcomes() -> None:
    async with Service() as service:
        await service.put_in_force(LEADS)
        assert await service.publisher.publish(NAMESPACE, []) == []


async def test_a_repeat_in_one_batch_and_in_a_later_call_starts_nothing_twice() -> None:
    async with Service() as service:
        await service.put_in_force(LEADS)
        first = await service.publisher.publish(NAMESPACE, [raw(), raw()])
        second = await service.publisher.publish(NAMESPACE, [raw()])
    assert shape(first) == [("1", [True], None), ("1", [False], None)]
    assert shape(second) == [("1", [False], None)]
    assert len({item.executions[0].execution_id for item in first + second}) == 1


async def test_the_same_id_from_another_source_is_another_event() -> None:
    async with Service() as service:
        await service.put_in_force(LEADS)
        outcomes = await service.publisher.publish(NAMESPACE, [raw(), raw(source="/ads")])
    assert shape(outcomes) == [("1", [True], None), ("1", [True], None)]


async def test_a_repeat_that_meets_another_filter_of_a_later_version_starts_nothing_twice() -> None:
    async with Service() as service:
        await service.put_in_force(document(anyof({"type": "lead.created"}, {"type": "b"})))
        (first,) = await service.publisher.publish(NAMESPACE, [raw()])
        reordered = document(anyof({"type": "b"}, {"type": "lead.created"}), version="2.0.0")
        await service.receive(reordered)
        (second,) = await service.publisher.publish(NAMESPACE, [raw()])
    assert [item.executions[0].trigger.alternative.name for item in (first, second)] == [
        "on.any.0",
        "on.any.1",
    ]
    assert first.executions[0].execution_id == second.executions[0].execution_id


async def test_a_bad_event_is_refused_alone() -> None:
    async with Service() as service:
        await service.put_in_force(LEADS)
        events = [raw(id="1"), raw(id=""), raw(id="3", time="soon"), raw(id="4")]
        outcomes = await service.publisher.publish(NAMESPACE, events)
    assert shape(outcomes) == [
        ("1", [True], None),
        ("", [], "INVALID_REQUEST"),
        ("3", [], "INVALID_REQUEST"),
        ("4", [True], None),
    ]


async def test_a_lane_that_cannot_be_found_is_the_events_error_and_others_still_start() -> None:
    async with Service() as service:
        await service.put_in_force(
            document(one(type="lead.created"), name="keyed", ordering_key=".data"), LEADS
        )
        (outcome,) = await service.publisher.publish(NAMESPACE, [raw(data={"a": 1})])
    assert [item.trigger.condition.workflow for item in outcome.executions] == ["nurture"]
    assert outcome.error is not None
    assert outcome.error.metadata == {"field": "ordering_key"}


async def test_an_event_that_would_start_too_much_is_refused() -> None:
    async with Service() as service:
        await service.put_in_force(*(document(one(type="lead.created"), name=name) for name in "abcd"))
        (outcome,) = await service.publisher.publish(NAMESPACE, [raw()])
    assert outcome.error is not None
    assert outcome.error.metadata["limit"] == "starts_per_event_max"
    assert service.engine.calls == []


async def test_a_request_with_too_many_events_is_refused_whole() -> None:
    async with Service() as service:
        await service.put_in_force(LEADS)
        with pytest.raises(TidemillError) as caught:
            await service.publisher.publish(NAMESPACE, [raw(id=str(number)) for number in range(51)])
    assert caught.value.metadata == {"limit": "events_per_request_max", "limit_value": "50", "actual": "51"}


@pytest.mark.parametrize("namespace", ["", "a\0", "x" * 64])
async def test_a_bad_namespace_is_refused(namespace: str) -> None:
    async with Service() as service:
        await service.put_in_force(LEADS)
        with pytest.raises(TidemillError) as caught:
            await service.publisher.publish(namespace, [raw()])
    assert caught.value.code == 3


async def test_a_refusal_by_the_engine_is_that_events_error_with_its_delay() -> None:
    async with Service() as service:
        await service.put_in_force(LEADS)
        service.engine.refused["2"] = OverloadedError("inbox", limit_value=7, retry_delay_us=300_000)
        outcomes = await service.publisher.publish(NAMESPACE, [raw(id="1"), raw(id="2"), raw(id="3")])
    assert shape(outcomes) == [("1", [True], None), ("2", [], "OVERLOADED"), ("3", [True], None)]
    assert outcomes[1].error is not None
    assert outcomes[1].error.retry_delay_us == 300_000


@pytest.mark.parametrize(
    "error",
    [
        NotReadyError("engine", "gone"),
        OverloadedError("inbox_commands_max", limit_value=7, retry_delay_us=300_000),
        TidemillError(reasons.ERROR_REASON_STORAGE_UNAVAILABLE, "the disk is full", {"part": "log"}),
    ],
)
async def test_when_nothing_was_taken_the_engines_failure_is_the_requests(error: TidemillError) -> None:
    async with Service() as service:
        await service.put_in_force(LEADS)
        service.engine.errors = [error]
        with pytest.raises(TidemillError) as caught:
            await service.publisher.publish(NAMESPACE, [raw(id="1"), raw(id="2"), raw(id="")])
    assert caught.value is error


async def test_when_something_was_taken_each_event_has_its_own_outcome() -> None:
    async with Service() as service:
        await service.put_in_force(LEADS)
        service.engine.errors = [None, NotReadyError("engine", "gone")]
        events = [raw(id=str(number)) for number in range(12)]
        outcomes = await service.publisher.publish(NAMESPACE, events)
        again = await service.publisher.publish(NAMESPACE, events)
    assert [reason(item) for item in outcomes] == [None] * 10 + ["NOT_READY"] * 2
    assert shape(again) == [(str(n), [n >= 10], None) for n in range(12)]


async def test_an_event_without_listeners_counts_as_taken() -> None:
    async with Service() as service:
        await service.put_in_force(LEADS)
        service.engine.errors = [NotReadyError("engine", "gone")]
        outcomes = await service.publisher.publish(NAMESPACE, [raw("other", id="1"), raw(id="2")])
    assert shape(outcomes) == [("1", [], None), ("2", [], "NOT_READY")]


async def test_a_caller_is_answered_only_after_the_engine_was() -> None:
    async with Service() as service:
        await service.put_in_force(LEADS)
        service.engine.gate.clear()
        task = asyncio.create_task(service.publisher.publish(NAMESPACE, [raw()]))
        await service.engine.called.wait()
        await settle()
        assert not task.done()
        service.engine.gate.set()
        assert shape(await task) == [("1", [True], None)]


async def test_many_callers_share_few_calls() -> None:
    async with Service() as service:
        await service.put_in_force(LEADS)
        service.engine.gate.clear()
        tasks = [
            asyncio.create_task(service.publisher.publish(NAMESPACE, [raw(id=str(number))]))
            for number in range(20)
        ]
        await settle()
        service.engine.gate.set()
        outcomes = await asyncio.gather(*tasks)
    assert all(shape(item) == [(str(n), [True], None)] for n, item in enumerate(outcomes))
    assert len(service.engine.calls) <= 3


@pytest.mark.parametrize("received", [False, True])
async def test_nothing_is_taken_before_the_snapshot_is_whole(*, received: bool) -> None:
    async with Service() as service:
        service.catalogue.begin()
        if received:
            assert await service.receive(LEADS, complete=False) is None
        with pytest.raises(NotReadyError) as caught:
            await service.publisher.publish(NAMESPACE, [raw()])
    assert (caught.value.metadata, caught.value.code) == ({"part": "catalogue"}, 14)
    assert service.engine.calls == []


async def test_nothing_is_taken_when_the_stream_is_silent_for_too_long() -> None:
    async with Service() as service:
        await service.put_in_force(LEADS)
        await service.clock.advance_us(SILENCE_US_MAX)
        assert len(await service.publisher.publish(NAMESPACE, [raw()])) == 1
        await service.clock.advance_us(1)
        with pytest.raises(NotReadyError):
            await service.publisher.publish(NAMESPACE, [raw()])
        await service.receive()
        assert len(await service.publisher.publish(NAMESPACE, [raw()])) == 1


async def test_events_are_counted_by_what_became_of_them() -> None:
    async with Service() as service:
        await service.put_in_force(LEADS)
        events = [raw(id="1"), raw(id="1"), raw("other", id="2"), raw(id="")]
        await service.publisher.publish(NAMESPACE, events)
        service.engine.errors = [NotReadyError("engine", "gone")]
        with pytest.raises(NotReadyError):
            await service.publisher.publish(NAMESPACE, [raw(id="3"), raw(id="4")])
    counts = {
        name: metric(service.metrics, f"tidemill_triggers_{name}")
        for name in (
            "events_received_total",
            "events_matched_total",
            "executions_started_total",
            "repeats_total",
            "events_refused_total",
            "publish_latency_seconds_count",
        )
    }
    assert counts == {
        "events_received_total": 6,
        "events_matched_total": 4,
        "executions_started_total": 1,
        "repeats_total": 1,
        "events_refused_total": 3,
        "publish_latency_seconds_count": 1,
    }


@pytest.mark.parametrize(
    ("in_event", "in_request", "expected"),
    [("", "", ""), ("", OTHER, OTHER), (SAMPLED, OTHER, SAMPLED), ("nonsense", OTHER, OTHER)],
)
async def test_the_producers_trace_context_travels_on(in_event: str, in_request: str, expected: str) -> None:
    async with Service() as service:
        await service.put_in_force(LEADS)
        await service.publisher.publish(NAMESPACE, [raw(extensions={"traceparent": in_event})], in_request)
    assert service.engine.traceparents == [expected]
