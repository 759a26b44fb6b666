"""Shared batches of starts: order, limits, failures."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from tests.unit.triggers.parts import SUBMIT_LIMITS, Service, metric
from tidemill.api.engine.v1.execution_service_pb2 import StartRequest, SubmitCommand, SubmitResult
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.api.events.v1.command_pb2 import TriggerOrigin
from tidemill.api.events.v1.payload_pb2 import Payload
from tidemill.clock import settle
from tidemill.errors import OverloadedError, TidemillError
from tidemill.triggers.errors import NotReadyError

SAMPLED = f"00-{'a' * 32}-{'b' * 16}-01"
UNSAMPLED = f"00-{'c' * 32}-{'d' * 16}-00"
Submitting = asyncio.Task[list[SubmitResult | TidemillError]]


def commands(*event_ids: object, data: bytes = b"[]") -> list[SubmitCommand]:
    return [
        SubmitCommand(
            start=StartRequest(
                namespace="n",
                workflow="w",
                input=Payload(data=data),
                origin=TriggerOrigin(trigger="on", event_source="/s", event_id=str(item)),
            )
        )
        for item in event_ids
    ]


def submit(service: Service, *event_ids: object, traceparent: str = "") -> Submitting:
    return asyncio.create_task(service.submitter.submit(commands(*event_ids), traceparent))


async def under_way(service: Service, *event_ids: object) -> Submitting:
    """A call that the Engine holds back, so that what comes next has to wait."""
    service.engine.gate.clear()
    task = submit(service, *event_ids)
    await service.engine.called.wait()
    return task


def outcomes(results: Sequence[SubmitResult | TidemillError]) -> list[str]:
    return [item.reason_name if isinstance(item, TidemillError) else "ok" for item in results]


async def test_results_come_in_the_order_of_the_commands() -> None:
    async with Service() as service:
        service.engine.refused["2"] = NotReadyError("x", "no")
        results = await submit(service, 1, 2, 3)
    assert [isinstance(item, SubmitResult) and item.HasField("error") for item in results] == [
        False,
        True,
        False,
    ]


async def test_what_comes_while_a_call_is_under_way_goes_together_into_the_next() -> None:
    async with Service() as service:
        tasks = [await under_way(service, "first")]
        tasks += [submit(service, number) for number in range(5)]
        await settle()
        service.engine.gate.set()
        await asyncio.gather(*tasks)
    assert service.engine.calls == [["first"], ["0", "1", "2", "3", "4"]]


async def test_a_call_holds_no_more_commands_than_its_limit() -> None:
    async with Service() as service:
        tasks = [await under_way(service, "first")]
        tasks += [submit(service, *range(start, start + 4)) for start in (0, 4, 8)]
        await settle()
        service.engine.gate.set()
        await asyncio.gather(*tasks)
    assert [len(call) for call in service.engine.calls] == [1, 8, 4]


async def test_a_call_holds_no_more_bytes_than_its_limit() -> None:
    async with Service(limits=replace(SUBMIT_LIMITS, submit_bytes_max=1_000)) as service:
        await service.submitter.submit(commands(1, 2, 3, data=b"x" * 400))
        await service.submitter.submit(commands(4, data=b"x" * 2_000))
    assert service.engine.calls == [["1", "2"], ["3"], ["4"]]


async def test_a_request_over_the_limit_of_a_call_goes_out_in_parts() -> None:
    async with Service() as service:
        results = await submit(service, *range(25))
    assert [len(call) for call in service.engine.calls] == [10, 10, 5]
    assert outcomes(results) == ["ok"] * 25


async def test_nothing_is_submitted_past_a_failed_part() -> None:
    async with Service() as service:
        service.engine.errors = [None, NotReadyError("engine", "gone")]
        results = await submit(service, *range(25))
    assert [len(call) for call in service.engine.calls] == [10, 10]
    assert outcomes(results) == ["ok"] * 10 + ["NOT_READY"] * 15


async def test_a_failure_goes_to_every_caller_of_the_call_and_to_no_other() -> None:
    async with Service() as service:
        first = await under_way(service, "first")
        shared = [submit(service, 1), submit(service, 2)]
        await settle()
        service.engine.errors = [None, NotReadyError("engine", "gone")]
        service.engine.gate.set()
        failed = await asyncio.gather(*shared)
        after = await submit(service, 3)
        assert outcomes(await first) == outcomes(after) == ["ok"]
    assert [outcomes(item) for item in failed] == [["NOT_READY"], ["NOT_READY"]]


async def test_an_answer_that_does_not_fit_is_an_internal_error() -> None:
    async with Service() as service:
        service.engine.answers_less = 1
        results = await submit(service, 1, 2)
    assert outcomes(results) == ["INTERNAL", "INTERNAL"]


async def test_an_unexpected_exception_leaves_no_caller_waiting() -> None:
    async with Service() as service:
        service.engine.errors = [RuntimeError("a bug")]
        assert outcomes(await submit(service, 1)) == ["NOT_READY"]


async def test_a_full_queue_refuses_with_a_delay() -> None:
    async with Service() as service:
        first = await under_way(service, *range(10))
        second = submit(service, *range(10))
        await settle()
        (refusal,) = await submit(service, "late")
        service.engine.gate.set()
        assert outcomes(await first) == outcomes(await second) == ["ok"] * 10
        assert outcomes(await submit(service, "later")) == ["ok"]
    assert isinstance(refusal, OverloadedError)
    assert refusal.metadata == {"limit": "queued_commands_max", "limit_value": "20"}
    assert refusal.retry_delay_us == SUBMIT_LIMITS.retry_delay_us


async def test_the_queue_is_bounded_in_bytes_too() -> None:
    async with Service(limits=replace(SUBMIT_LIMITS, queued_bytes_max=1_000)) as service:
        (refusal,) = await service.submitter.submit(commands(1, data=b"x" * 1_000))
    assert isinstance(refusal, TidemillError)
    assert refusal.reason == reasons.ERROR_REASON_OVERLOADED
    assert refusal.metadata["limit"] == "queued_bytes_max"


async def test_commands_of_a_caller_that_went_away_are_not_sent() -> None:
    async with Service() as service:
        first = await under_way(service, "first")
        gone = submit(service, "gone")
        stays = submit(service, "stays")
        await settle()
        gone.cancel()
        await settle()
        service.engine.gate.set()
        await asyncio.gather(first, stays)
        await asyncio.gather(gone, return_exceptions=True)
    assert service.engine.calls == [["first"], ["stays"]]
    assert metric(service.metrics, "tidemill_triggers_queued_commands") == 0


async def test_a_caller_that_goes_away_during_its_call_disturbs_nobody() -> None:
    async with Service() as service:
        first = await under_way(service, "first")
        gone, stays = submit(service, "gone"), submit(service, "stays")
        await settle()
        service.engine.gate.set()
        service.engine.called.clear()
        await asyncio.gather(first, stays)
        gone.cancel()
        assert outcomes(await stays) == ["ok"]
        await asyncio.gather(gone, return_exceptions=True)


async def test_the_queue_is_counted_while_it_lasts() -> None:
    async with Service() as service:
        task = await under_way(service, 1, 2, 3)
        assert metric(service.metrics, "tidemill_triggers_queued_commands") == 3
        service.engine.gate.set()
        await task
        await settle()
        assert metric(service.metrics, "tidemill_triggers_queued_commands") == 0
    assert metric(service.metrics, "tidemill_triggers_submit_size_sum") == 3


async def test_a_shared_call_carries_a_sampled_trace_context() -> None:
    async with Service() as service:
        tasks = [await under_way(service, "first")]
        tasks += [submit(service, 1, traceparent=UNSAMPLED), submit(service, 2, traceparent=SAMPLED)]
        await settle()
        service.engine.gate.set()
        await asyncio.gather(*tasks)
    assert service.engine.traceparents == ["", SAMPLED]
