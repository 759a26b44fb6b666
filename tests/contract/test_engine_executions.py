"""ExecutionService as the contract says: success, every error reason, reads of one's own writes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import orjson
import pytest

from tests.contract.engine_bench import EngineBench, reason_of, running_engine
from tests.contract.fake_actions import failed
from tests.waiting import eventually
from tidemill.api.engine.v1 import execution_pb2, position_pb2
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.client.calls import Caller, Patience
from tidemill.client.executions import Executions
from tidemill.json import Json
from tidemill.rpc import from_rpc_error

SET: dict[str, Json] = {"greet": {"set": {"hello": "${ .name }"}}}
CALL: dict[str, Json] = {"step": {"call": "work:1.0.0", "with": {"n": "${ .n }"}}}
WAIT: dict[str, Json] = {"pause": {"wait": {"hours": 1}}}
RUNNING, WAITING, SUSPENDED, CANCELLED, FAULTED, COMPLETED = 2, 3, 4, 5, 6, 7
UNKNOWN_ID = "00000000-0190a000-0000-7000-8000-000000000000"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[EngineBench]:
    async with running_engine(tmp_path) as bench:
        yield bench


async def refused(call: object) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call  # type: ignore[misc]
    return reason_of(raised.value)


async def test_a_start_runs_to_its_end(bench: EngineBench) -> None:
    await bench.publish(SET)
    started = await bench.start({"name": "Ada"}, subject="contact-1")
    closed = await bench.closed(started)
    assert started.created
    assert started.version == "1.0.0"
    assert (closed.phase, closed.subject) == (COMPLETED, "contact-1")
    assert orjson.loads(closed.output.data) == {"hello": "Ada"}


async def test_no_input_is_an_empty_object(bench: EngineBench) -> None:
    await bench.publish({"keep": {"set": {"given": "${ . }"}}})
    closed = await bench.closed(await bench.start())
    assert orjson.loads(closed.output.data) == {"given": {}}


async def test_a_call_reaches_the_action_service_under_its_key(bench: EngineBench) -> None:
    await bench.publish(CALL)
    closed = await bench.closed(started := await bench.start({"n": 7}))
    (call,) = bench.actions.calls
    assert orjson.loads(closed.output.data) == {"n": 7}
    assert call.key.startswith(started.execution_id)
    assert (call.attempt, call.action, call.namespace) == (1, "work:1.0.0", "shop")
    assert (call.task_reference, call.epoch) == ("/do/0/step", 1)


async def test_a_repeated_request_id_finds_the_first_execution(bench: EngineBench) -> None:
    await bench.publish(SET)
    first = await bench.start({"name": "Ada"}, request_id="r1")
    again = await bench.start({"name": "Ada"}, request_id="r1")
    assert (first.created, again.created) == (True, False)
    assert first.execution_id == again.execution_id
    assert await refused(bench.start({"name": "Bob"}, request_id="r1")) == "REQUEST_ID_CONFLICT"


async def test_a_repeat_is_known_after_a_restart_too(tmp_path: Path) -> None:
    async with running_engine(tmp_path) as bench:
        await bench.publish(SET)
        first = await bench.start({"name": "Ada"}, request_id="r1")
        await bench.closed(first)
    async with running_engine(tmp_path) as bench:
        again = await bench.start({"name": "Ada"}, request_id="r1")
        assert (again.created, again.execution_id) == (False, first.execution_id)
        assert await refused(bench.start({"name": "Bob"}, request_id="r1")) == "REQUEST_ID_CONFLICT"


@pytest.mark.parametrize(
    ("fields", "data", "reason"),
    [
        ({"workflow": "nothing"}, b"{}", "DEFINITION_NOT_FOUND"),
        ({"version": "9.9.9"}, b"{}", "DEFINITION_NOT_FOUND"),
        ({"namespace": ""}, b"{}", "INVALID_REQUEST"),
        ({"workflow": ""}, b"{}", "INVALID_REQUEST"),
        ({"subject": "a\0b"}, b"{}", "INVALID_REQUEST"),
        ({"subject": "x" * 300}, b"{}", "TOO_LARGE"),
        ({}, b"{not json", "INVALID_PAYLOAD"),
        ({}, b'{"n": 99999999999999999999999}', "INVALID_PAYLOAD"),
        ({}, b'"' + b"x" * 17_000_000 + b'"', "TOO_LARGE"),
    ],
)
async def test_bad_starts_are_refused(
    bench: EngineBench, fields: dict[str, str], data: bytes, reason: str
) -> None:
    await bench.publish(SET)
    request = pb.StartRequest(**({"namespace": "shop", "workflow": "cart"} | fields))  # type: ignore[arg-type]
    request.input.data = data
    assert await refused(bench.executions.Start(request)) == reason


async def test_another_content_type_is_refused(bench: EngineBench) -> None:
    await bench.publish(SET)
    request = pb.StartRequest(namespace="shop", workflow="cart")
    request.input.content_type = "text/plain"
    assert await refused(bench.executions.Start(request)) == "INVALID_REQUEST"


async def test_submit_answers_each_command_by_itself(bench: EngineBench) -> None:
    await bench.publish(SET)
    request = pb.SubmitRequest(namespace="shop")
    request.commands.add().start.workflow = "cart"
    request.commands.add().start.workflow = "nothing"
    request.commands.add().cancel.execution_id = "no id"
    response = await bench.executions.Submit(request)
    good, unknown, malformed = response.results
    assert good.created
    assert good.position.offset >= 0
    assert not good.HasField("error")
    assert unknown.error.reason == reasons.ERROR_REASON_DEFINITION_NOT_FOUND
    assert malformed.error.reason == reasons.ERROR_REASON_INVALID_REQUEST


async def test_a_doubled_event_in_one_batch_starts_one_execution(bench: EngineBench) -> None:
    await bench.publish(CALL)
    request = pb.SubmitRequest(namespace="shop")
    for _ in range(2):
        start = request.commands.add().start
        start.workflow, start.subject = "cart", "ada"
        start.origin.trigger, start.origin.event_source, start.origin.event_id = "on", "/shop", "e1"
    first, second = (await bench.executions.Submit(request)).results
    assert first.execution_id == second.execution_id
    assert (first.created, second.created) == (True, False)
    await bench.closed(pb.StartResponse(execution_id=first.execution_id, position=second.position))
    assert len(bench.actions.calls) == 1


async def test_submit_refuses_a_batch_over_its_limit(tmp_path: Path) -> None:
    async with running_engine(tmp_path, submit_commands_max=2) as bench:
        request = pb.SubmitRequest(commands=[pb.SubmitCommand()] * 3)
        assert await refused(bench.executions.Submit(request)) == "TOO_LARGE"


async def test_get_of_an_unknown_execution_or_of_another_namespace(bench: EngineBench) -> None:
    await bench.publish(SET)
    started = await bench.start()
    unknown = pb.ExecutionServiceGetRequest(namespace="shop", execution_id=UNKNOWN_ID)
    foreign = pb.ExecutionServiceGetRequest(
        namespace="other", execution_id=started.execution_id, at_least=started.position
    )
    assert await refused(bench.executions.Get(unknown)) == "EXECUTION_NOT_FOUND"
    assert await refused(bench.executions.Get(foreign)) == "EXECUTION_NOT_FOUND"


async def test_a_wait_for_a_position_that_does_not_come_is_bounded(bench: EngineBench) -> None:
    request = pb.ExecutionServiceGetRequest(
        namespace="shop", execution_id=UNKNOWN_ID, at_least=position_pb2.Position(shard=0, offset=10**9)
    )
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await bench.executions.Get(request, timeout=0.5)
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert from_rpc_error(raised.value).metadata == {"shard": "0", "offset": str(10**9)}


async def test_list_pages_and_filters_by_phase(bench: EngineBench) -> None:
    await bench.publish(SET)
    await bench.publish(WAIT, name="slow")
    for _ in range(3):
        await bench.closed(await bench.start())
    slow = await bench.start(workflow="slow")
    await bench.get(slow)

    async def listed(**fields: object) -> list[str]:
        request = pb.ExecutionServiceListRequest(**({"namespace": "shop"} | fields))  # type: ignore[arg-type]
        return [row.workflow for row in (await bench.executions.List(request)).executions]

    assert await listed() == ["slow", "cart", "cart", "cart"]
    assert await listed(phases=[execution_pb2.EXECUTION_PHASE_WAITING]) == ["slow"]
    assert await listed(workflow="cart", page_size=2) == ["cart", "cart"]
    assert await listed(namespace="other") == []
    assert await refused(bench.executions.List(pb.ExecutionServiceListRequest())) == "INVALID_REQUEST"
    assert (
        await refused(bench.executions.List(pb.ExecutionServiceListRequest(namespace="-", page_token="x")))
        == "INVALID_REQUEST"
    )


async def test_history_pages_without_gaps_and_names_causes(bench: EngineBench) -> None:
    await bench.publish(CALL, {"again": CALL["step"]})
    started = await bench.start({"n": 1})
    await bench.closed(started)
    events = await bench.history(started.execution_id)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    kinds = [event.event.WhichOneof("kind") for event in events]
    assert kinds[0] == "execution_started"
    assert kinds[-1] == "execution_completed"
    assert kinds.count("action_completed") == 2
    assert events[0].cause.WhichOneof("source") == "log_offset"
    assert events[-1].cause.action.key.endswith("again#1")
    assert await refused(
        bench.executions.GetHistory(pb.GetHistoryRequest(namespace="-", execution_id=UNKNOWN_ID))
    ) == ("EXECUTION_NOT_FOUND")


async def test_who_waits_for_the_end_alone_hears_of_nothing_else(bench: EngineBench) -> None:
    await bench.publish(CALL, WAIT)
    started = await bench.start({"n": 1})
    ended = bench.executions.Watch(
        pb.WatchRequest(
            namespace="shop", execution_id=started.execution_id, at_least=started.position, end_only=True
        )
    )
    answers = aiter(ended)
    first = asyncio.ensure_future(anext(answers))

    async def waits() -> bool:
        return (await bench.get(started)).phase == WAITING

    await eventually(waits)
    assert not first.done()
    cancel = pb.CancelRequest(namespace="shop", execution_id=started.execution_id, reason="enough")
    await bench.executions.Cancel(cancel)
    answer = await asyncio.wait_for(first, 10)
    assert (answer.execution.phase, list(answer.events)) == (CANCELLED, [])
    assert [answer async for answer in answers] == []
    # And who comes later hears of it at once.
    again = bench.executions.Watch(
        pb.WatchRequest(namespace="shop", execution_id=started.execution_id, end_only=True)
    )
    assert [response.execution.phase async for response in again] == [CANCELLED]


async def test_watch_of_an_unknown_execution(bench: EngineBench) -> None:
    stream = bench.executions.Watch(pb.WatchRequest(namespace="-", execution_id=UNKNOWN_ID))
    assert await refused(stream.read()) == "EXECUTION_NOT_FOUND"


async def test_suspend_holds_what_is_new_and_resume_goes_on(bench: EngineBench) -> None:
    await bench.publish(CALL, {"again": {"set": {"done": True}}})
    bench.actions.behaviours["work:1.0.0"] = lambda call: None
    started = await bench.start({"n": 1})
    await bench.actions.until_called(1)
    key = {"namespace": "shop", "execution_id": started.execution_id}
    suspended = await bench.executions.Suspend(pb.SuspendRequest(**key, reason="lunch"))
    assert (suspended.execution.phase, suspended.execution.reason) == (SUSPENDED, "lunch")
    assert await refused(bench.executions.Suspend(pb.SuspendRequest(**key))) == "PHASE_CONFLICT"
    resumed = await bench.executions.Resume(pb.ResumeRequest(**key))
    assert resumed.execution.phase == RUNNING
    assert await refused(bench.executions.Resume(pb.ResumeRequest(**key))) == "PHASE_CONFLICT"


async def test_a_repeated_request_id_of_a_command_answers_as_the_first_did(bench: EngineBench) -> None:
    await bench.publish(WAIT)
    started = await bench.start()
    request = pb.SuspendRequest(namespace="-", execution_id=started.execution_id, request_id="once")
    first = await bench.executions.Suspend(request)
    again = await bench.executions.Suspend(request)
    assert first.position == again.position


async def test_cancel_ends_at_once_and_stops_the_call_under_way(bench: EngineBench) -> None:
    await bench.publish(CALL)
    bench.actions.behaviours["work:1.0.0"] = lambda call: None
    started = await bench.start({"n": 1})
    (call,) = await bench.actions.until_called(1)
    cancelled = await bench.executions.Cancel(
        pb.CancelRequest(namespace="shop", execution_id=started.execution_id, reason="left")
    )
    assert (cancelled.execution.phase, cancelled.execution.reason) == (CANCELLED, "left")
    assert await bench.actions.until_cancelled(1) == [call.key]

    async def confirmed() -> bool:
        last = (await bench.history(started.execution_id))[-1]
        return last.event.WhichOneof("kind") == "cancellation_confirmed"

    await eventually(confirmed)


async def test_retry_goes_on_from_the_faulted_task(bench: EngineBench) -> None:
    await bench.publish({"first": {"call": "fine:1.0.0", "with": {"n": 1}}}, CALL)
    bench.actions.behaviours["work:1.0.0"] = lambda call: failed(call, 500)
    started = await bench.start({"n": 1})
    faulted = await bench.closed(started)
    assert (faulted.phase, faulted.error.status, faulted.error.instance) == (FAULTED, 500, "/do/1/step")
    wrong = pb.RetryRequest(namespace="shop", execution_id=started.execution_id, if_sequence=1)
    assert await refused(bench.executions.Retry(wrong)) == "SEQUENCE_CONFLICT"

    del bench.actions.behaviours["work:1.0.0"]
    right = pb.RetryRequest(namespace="shop", execution_id=started.execution_id, if_sequence=faulted.sequence)
    await bench.executions.Retry(right)
    assert (await bench.closed(started)).phase == COMPLETED
    assert [(call.action, call.attempt) for call in bench.actions.calls] == [
        ("fine:1.0.0", 1),
        ("work:1.0.0", 1),
        ("work:1.0.0", 2),
    ]
    assert bench.actions.calls[1].key == bench.actions.calls[2].key
    assert await refused(bench.executions.Retry(right)) in ("PHASE_CONFLICT", "SEQUENCE_CONFLICT")


async def test_commands_for_an_unknown_execution_are_rejected(bench: EngineBench) -> None:
    request = pb.CancelRequest(namespace="shop", execution_id=UNKNOWN_ID)
    assert await refused(bench.executions.Cancel(request)) == "EXECUTION_NOT_FOUND"


async def test_the_outcome_of_a_submitted_command_can_be_asked_for(bench: EngineBench) -> None:
    await bench.publish(SET)
    request = pb.SubmitRequest(namespace="shop")
    request.commands.add().start.workflow = "cart"
    request.commands.add().cancel.execution_id = UNKNOWN_ID
    good, bad = (await bench.executions.Submit(request)).results

    async def outcome(result: pb.SubmitResult) -> pb.GetCommandOutcomeResponse:
        return await bench.executions.GetCommandOutcome(
            pb.GetCommandOutcomeRequest(namespace="shop", position=result.position)
        )

    assert (await outcome(good)).outcome == pb.COMMAND_OUTCOME_APPLIED
    rejected = await outcome(bad)
    assert rejected.outcome == pb.COMMAND_OUTCOME_REJECTED
    assert rejected.error.reason == reasons.ERROR_REASON_EXECUTION_NOT_FOUND


async def test_a_backlog_over_its_limit_is_refused_with_a_delay(tmp_path: Path) -> None:
    async with running_engine(tmp_path, log_backlog_max=1, shards=1) as bench:
        await bench.publish(SET)
        async with bench.engine.assembly.ownership.commit_lock:
            await bench.start()
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await bench.start()
        error = from_rpc_error(raised.value)
        assert (error.reason_name, error.retry_delay_us) == ("OVERLOADED", 200_000)
        assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_repeat_that_has_no_position_is_waited_for_all_the_same(tmp_path: Path) -> None:
    """With so many shards most have no command, so that waiting for a wrong position would never end."""
    async with running_engine(tmp_path, shards=256) as bench:
        await bench.publish(SET)
        first = await bench.start({"name": "Ada"}, request_id="r1")
        await bench.closed(first)
    async with running_engine(tmp_path, shards=256) as bench:
        again = await bench.start({"name": "Ada"}, request_id="r1")
        assert not again.HasField("position")
        executions = Executions(bench.channel, Caller(bench.address, Patience()))
        ended = await asyncio.wait_for(executions.wait_ended(again), 10)
        assert ended.phase == COMPLETED
