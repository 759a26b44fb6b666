"""Batches of commands: cut to size, identified, and sent again where the engine had no room."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.client.calls import Caller, Method
from tidemill.unique import fresh_request_id, fresh_uuid

COMMANDS_PER_BATCH_MAX: Final = 500
# Refusals that say nothing about the command itself: the same one may be accepted a moment later.
_PASSING: Final = (
    reasons.ERROR_REASON_OVERLOADED,
    reasons.ERROR_REASON_NOT_READY,
    reasons.ERROR_REASON_STORAGE_UNAVAILABLE,
)


@dataclass(slots=True)
class _Batch:
    """Commands under way, by their place in the caller's list."""

    namespace: str
    commands: dict[int, pb.SubmitCommand]
    results: dict[int, pb.SubmitResult]


async def submit(
    caller: Caller,
    method: Method[pb.SubmitRequest, pb.SubmitResponse],
    work: tuple[str, Sequence[pb.SubmitCommand]],
    *,
    seconds: float | None,
) -> list[pb.SubmitResult]:
    """Submit `work` (a namespace and its commands); one result a command, in order. Raises TidemillError."""
    namespace, commands = work
    deadline = caller.now_seconds() + (seconds or caller.patience.call_seconds)
    batch = _Batch(namespace, {index: _identified(command) for index, command in enumerate(commands)}, {})
    failures = 0
    while batch.commands:
        delay_seconds = await _round(caller, method, batch, deadline)
        failures += 1
        delay_seconds = max(delay_seconds, caller.backoff_seconds(failures))
        if caller.now_seconds() + delay_seconds > deadline:
            break
        if batch.commands:
            await caller.sleep(delay_seconds)
    return [batch.results[index] for index in range(len(commands))]


async def _round(
    caller: Caller, method: Method[pb.SubmitRequest, pb.SubmitResponse], batch: _Batch, deadline: float
) -> float:
    """Send every open command once; the longest wait that a refusal asked for, in seconds."""
    delay_seconds = 0.0
    indexes = list(batch.commands)
    for start in range(0, len(indexes), COMMANDS_PER_BATCH_MAX):
        part = indexes[start : start + COMMANDS_PER_BATCH_MAX]
        request = pb.SubmitRequest(
            namespace=batch.namespace, commands=[batch.commands[index] for index in part]
        )
        left_seconds = max(deadline - caller.now_seconds(), 0.001)
        answer = await caller.call(method, request, repeatable=True, seconds=left_seconds)
        for index, result in zip(part, answer.results, strict=True):
            batch.results[index] = result
            if not _is_passing(result):
                del batch.commands[index]
            else:
                delay = result.error.retry_delay
                delay_seconds = max(delay_seconds, delay.seconds + delay.nanos / 1e9)
    return min(delay_seconds, caller.patience.retry_delay_seconds_max)


def _is_passing(result: pb.SubmitResult) -> bool:
    return result.HasField("error") and result.error.reason in _PASSING


def _identified(command: pb.SubmitCommand) -> pb.SubmitCommand:
    """The command, or a copy that a second sending cannot run twice."""
    kind = command.WhichOneof("kind")
    if kind is None:
        return command
    request = getattr(command, kind)
    if request.request_id or (kind == "start" and command.start.HasField("origin")):
        return command
    identified = pb.SubmitCommand()
    identified.CopyFrom(command)
    getattr(identified, kind).request_id = fresh_request_id() if kind == "start" else fresh_uuid()
    return identified
