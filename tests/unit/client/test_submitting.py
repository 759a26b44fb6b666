"""Batches of commands."""

import pytest

from tests.unit.client.fakes import InstantClock, ScriptedMethod, caller
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.api.errors.v1.item_error_pb2 import ItemError
from tidemill.api.events.v1.command_pb2 import TriggerOrigin
from tidemill.client.submitting import COMMANDS_PER_BATCH_MAX, submit
from tidemill.errors import OverloadedError, TidemillError, to_item_error

Method = ScriptedMethod[pb.SubmitRequest, pb.SubmitResponse]
FULL = to_item_error(OverloadedError("inbox_commands_max", limit_value=1, retry_delay_us=300_000))
REFUSED = to_item_error(TidemillError(reasons.ERROR_REASON_DEFINITION_NOT_FOUND, "no such workflow"))


def start(name: str, **fields: str) -> pb.SubmitCommand:
    return pb.SubmitCommand(start=pb.StartRequest(workflow=name, **fields))  # type: ignore[arg-type]


def answer(*results: str | ItemError) -> pb.SubmitResponse:
    """A result for each command: an execution's id, or why it was refused."""
    return pb.SubmitResponse(
        results=[
            pb.SubmitResult(execution_id=result) if isinstance(result, str) else pb.SubmitResult(error=result)
            for result in results
        ]
    )


def workflows(request: pb.SubmitRequest) -> list[str]:
    return [command.start.workflow for command in request.commands]


async def test_what_there_was_no_room_for_is_sent_again_and_answered_in_its_place() -> None:
    clock = InstantClock()
    method = Method(answer("1", FULL, "3", FULL), answer("2", "4"))
    commands = [start(name) for name in "abcd"]
    results = await submit(caller(clock), method, ("ns", commands), seconds=None)
    assert [result.execution_id for result in results] == ["1", "2", "3", "4"]
    assert [workflows(request) for request in method.requests] == [["a", "b", "c", "d"], ["b", "d"]]
    assert clock.sleeps_us == [300_000]


async def test_a_command_sent_again_has_the_same_request_id() -> None:
    method = Method(answer(FULL), answer("1"))
    await submit(caller(InstantClock()), method, ("ns", [start("a")]), seconds=None)
    first, second = (request.commands[0].start.request_id for request in method.requests)
    assert first
    assert first == second


async def test_ids_and_origins_of_the_caller_are_left_alone() -> None:
    method = Method(answer("1", "2"))
    by_event = pb.SubmitCommand(start=pb.StartRequest(origin=TriggerOrigin(event_id="e")))
    given = [start("a", request_id="mine"), by_event]
    await submit(caller(InstantClock()), method, ("ns", given), seconds=None)
    sent = method.requests[0].commands
    assert (sent[0].start.request_id, sent[1].start.request_id) == ("mine", "")


async def test_a_refusal_is_a_result() -> None:
    method = Method(answer("1", REFUSED))
    results = await submit(caller(InstantClock()), method, ("ns", [start("a"), start("b")]), seconds=None)
    assert results[1].error.reason == reasons.ERROR_REASON_DEFINITION_NOT_FOUND


async def test_what_stays_without_room_until_the_deadline_is_a_refusal() -> None:
    clock = InstantClock()
    method = Method(*[answer(FULL)] * 1000)
    (result,) = await submit(caller(clock), method, ("ns", [start("a")]), seconds=2)
    assert result.error.reason == reasons.ERROR_REASON_OVERLOADED
    assert clock.monotonic_us() <= 2_000_000


@pytest.mark.parametrize("count", [0, 1, COMMANDS_PER_BATCH_MAX + 1])
async def test_a_batch_of_any_length_is_cut_to_size(count: int) -> None:
    sizes = [min(COMMANDS_PER_BATCH_MAX, count - at) for at in range(0, count, COMMANDS_PER_BATCH_MAX)]
    method = Method(*[answer(*["x"] * size) for size in sizes])
    results = await submit(caller(InstantClock()), method, ("ns", [start("a")] * count), seconds=None)
    assert len(results) == count
    assert [len(request.commands) for request in method.requests] == sizes
