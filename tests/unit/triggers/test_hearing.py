"""Events on their way to the lanes where executions may wait for them."""

import pytest
import structlog

from tests.unit.triggers.parts import Service, metric
from tests.unit.triggers.samples import NAMESPACE, document, one, raw, waiting
from tidemill.api.engine.v1.definition_service_pb2 import Definition, Listen, WatchDefinitionsResponse
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.errors import OverloadedError, TidemillError
from tidemill.json import Json

LEADS = document(one(type="lead.created"))
PAID: Json = {"with": {"type": "order.paid"}}
WAITS = waiting({"one": PAID}, name="waits")
OWN = ("hear", "c7", "1")
OF_TYPE = ("hear", "type order.paid", "1")


async def test_an_event_that_nobody_waits_for_is_in_no_command() -> None:
    async with Service() as service:
        await service.put_in_force(LEADS, WAITS)
        outcomes = await service.publisher.publish(
            NAMESPACE, [raw("other", id="0"), raw(id="1"), raw("order.made", id="2")]
        )
    assert service.engine.commands == [("start", "nurture", "1")]
    assert [(item.heard, item.error) for item in outcomes] == [(0, None)] * 3
    assert metric(service.metrics, "tidemill_triggers_hears_total") == 0


async def test_an_event_reaches_its_lanes_and_is_taken_when_they_have_it() -> None:
    async with Service() as service:
        await service.put_in_force(WAITS)
        (outcome,) = await service.publisher.publish(NAMESPACE, [raw("order.paid", subject="c7")])
    assert service.engine.commands == [OWN, OF_TYPE]
    assert (outcome.heard, outcome.executions, outcome.error) == (2, [], None)
    assert metric(service.metrics, "tidemill_triggers_hears_total") == 2
    assert metric(service.metrics, "tidemill_triggers_listens_in_force") == 1


async def test_commands_are_in_the_order_of_the_events_with_starts_before_hears() -> None:
    starts = document(one(type="order.paid"), name="starts")
    async with Service() as service:
        await service.put_in_force(WAITS, starts, LEADS)
        events = [raw("order.paid", id="1"), raw(id="2"), raw("order.paid", id="3")]
        await service.publisher.publish(NAMESPACE, events)
    assert service.engine.commands == [
        ("start", "starts", "1"),
        ("hear", "type order.paid", "1"),
        ("start", "nurture", "2"),
        ("start", "starts", "3"),
        ("hear", "type order.paid", "3"),
    ]
    assert len(service.engine.calls) == 1


async def test_a_repeated_event_is_brought_again_for_lanes_know_it() -> None:
    async with Service() as service:
        await service.put_in_force(WAITS)
        for _ in range(2):
            (outcome,) = await service.publisher.publish(NAMESPACE, [raw("order.paid", subject="c7")])
            assert (outcome.heard, outcome.error) == (2, None)
    assert service.engine.commands == [OWN, OF_TYPE] * 2


async def test_namespaces_are_kept_apart() -> None:
    async with Service() as service:
        await service.put_in_force(waiting({"one": PAID}, namespace="other"))
        await service.publisher.publish(NAMESPACE, [raw("order.paid")])
        assert service.engine.commands == []
        await service.publisher.publish("other", [raw("order.paid")])
        assert service.engine.commands == [OF_TYPE]


async def test_a_filter_without_a_type_wants_events_of_every_type() -> None:
    async with Service() as service:
        await service.put_in_force(waiting({"any": []}))
        await service.publisher.publish(NAMESPACE, [raw("whatever", subject="c7")])
    assert service.engine.commands == [OWN, ("hear", "type *", "1")]


async def test_a_stop_filter_and_a_schedule_of_several_events_are_heard() -> None:
    stops = waiting({"all": []}, stops=({"with": {"type": "order.gone"}},), name="stops")
    schedule = document({"all": [PAID, {"with": {"type": "order.sent"}}]}, name="schedule")
    async with Service() as service:
        await service.put_in_force(stops, schedule)
        events = [raw("order.gone", subject="c7"), raw("order.sent", subject="c7", id="2")]
        await service.publisher.publish(NAMESPACE, events)
    assert service.engine.commands == [
        OWN,
        ("hear", "type order.gone", "1"),
        ("hear", "type order.sent", "2"),
    ]


async def test_the_ordering_key_finds_the_lane() -> None:
    async with Service() as service:
        await service.put_in_force(waiting({"one": PAID}, ordering_key=".data.contact"))
        events = [
            raw("order.paid", {"contact": "c9"}, subject="c7"),
            raw("order.paid", "broken", subject="c7", id="2"),
        ]
        outcomes = await service.publisher.publish(NAMESPACE, events)
    assert service.engine.commands == [("hear", "c9", "1"), OF_TYPE, ("hear", "type order.paid", "2")]
    assert [item.error for item in outcomes] == [None, None]
    assert metric(service.metrics, "tidemill_triggers_keys_failed_total") == 1


async def test_an_old_version_still_hears_when_a_later_one_does_not() -> None:
    async with Service() as service:
        await service.put_in_force(WAITS, document(None, name="waits", version="2.0.0"))
        await service.publisher.publish(NAMESPACE, [raw("order.paid")])
        # The same versions in a change, and in the snapshot of a new stream, count once.
        await service.receive(WAITS)
        await service.put_in_force(WAITS)
        await service.publisher.publish(NAMESPACE, [raw("order.paid")])
        assert service.engine.commands == [OF_TYPE] * 2
        await service.put_in_force(LEADS)
        await service.publisher.publish(NAMESPACE, [raw("order.paid")])
    assert service.engine.commands == [OF_TYPE] * 2


async def test_an_event_of_too_many_lanes_is_refused_and_starts_nothing() -> None:
    keys = [waiting({"one": PAID}, name=f"w{number}", ordering_key=f".data.a{number}") for number in range(3)]
    starts = document(one(type="order.paid"), name="starts")
    async with Service() as service:
        await service.put_in_force(*keys, starts)
        events = [
            raw("order.paid", {f"a{number}": f"c{number}" for number in range(3)}),
            raw("order.paid", id="2"),
        ]
        outcomes = await service.publisher.publish(NAMESPACE, events)
    assert service.engine.commands == [("start", "starts", "2"), ("hear", "type order.paid", "2")]
    error = outcomes[0].error
    assert error is not None
    assert error.metadata == {"limit": "lanes_per_event_max", "limit_value": "3", "actual": "4"}


async def test_a_lane_that_refuses_is_the_events_error_and_its_starts_stand() -> None:
    refusal = TidemillError(reasons.ERROR_REASON_TOO_LARGE, "too large", {"limit": "payload_bytes_max"})
    async with Service() as service:
        await service.put_in_force(WAITS)
        service.engine.refused["1"] = refusal
        outcomes = await service.publisher.publish(NAMESPACE, [raw("order.paid"), raw("order.paid", id="2")])
    assert [(item.heard, item.error is None) for item in outcomes] == [(0, False), (1, True)]
    error = outcomes[0].error
    assert error is not None
    assert error.reason_name == "TOO_LARGE"


async def test_a_batch_of_hears_that_fails_is_the_requests_failure_and_may_be_sent_again() -> None:
    overloaded = OverloadedError("log_backlog_max", limit_value=1, retry_delay_us=5)
    async with Service() as service:
        await service.put_in_force(WAITS)
        service.engine.errors = [overloaded]
        with pytest.raises(TidemillError) as caught:
            await service.publisher.publish(NAMESPACE, [raw("order.paid")])
        assert caught.value.reason_name == "OVERLOADED"
        (outcome,) = await service.publisher.publish(NAMESPACE, [raw("order.paid")])
    assert (outcome.heard, outcome.error) == (1, None)


async def test_when_the_engine_fails_midway_what_lanes_have_is_kept() -> None:
    overloaded = OverloadedError("log_backlog_max", limit_value=1, retry_delay_us=5)
    async with Service() as service:
        await service.put_in_force(WAITS)
        service.engine.errors = [None, overloaded]
        events = [raw("order.paid", id=str(number)) for number in range(12)]
        outcomes = await service.publisher.publish(NAMESPACE, events)
    assert [item.heard for item in outcomes] == [1] * 10 + [0] * 2
    assert [item.error is None for item in outcomes] == [True] * 10 + [False] * 2


async def test_a_listen_whose_key_does_not_compile_is_told_and_harms_no_other() -> None:
    broken = Definition(
        namespace=NAMESPACE,
        name="broken",
        version="1.0.0",
        document=b"{}",
        listens=[Listen(event_type="a", own_lane=True, ordering_key=".a | (")],
    )
    async with Service() as service:
        await service.put_in_force(WAITS)
        message = WatchDefinitionsResponse(revision=2, definitions=[broken], snapshot_complete=True)
        with structlog.testing.capture_logs() as logs:
            await service.catalogue.receive(message, asked_us=service.clock.monotonic_us())
        await service.publisher.publish(NAMESPACE, [raw("order.paid"), raw("a")])
    assert [(entry["log_level"], entry["workflow"]) for entry in logs] == [("error", "broken")]
    assert metric(service.metrics, "tidemill_triggers_conditions_refused_total") == 1
    assert service.engine.commands == [OF_TYPE]
