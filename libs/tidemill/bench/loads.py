"""Starts in batches, and the wait until what they began has ended."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, TypeVar

from tidemill.api.engine.v1 import execution_pb2
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.engine.v1.position_pb2 import Position
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.bench.workflows import NAMESPACE
from tidemill.client.client import Client
from tidemill.errors import TidemillError, from_item_error

ItemT = TypeVar("ItemT")
AnswerT = TypeVar("AnswerT")

_BATCH_COMMANDS: Final = 250
_BATCHES_IN_FLIGHT: Final = 4
_SUBMIT_SECONDS_MAX: Final = 120.0
# Rare enough to cost the engine nothing, often enough to be within one percent of a run of some seconds.
_POLL_SECONDS: Final = 0.05
_OPEN_PHASES: Final = (
    execution_pb2.EXECUTION_PHASE_PENDING,
    execution_pb2.EXECUTION_PHASE_RUNNING,
    execution_pb2.EXECUTION_PHASE_WAITING,
    execution_pb2.EXECUTION_PHASE_SUSPENDED,
)


async def in_batches(
    send: Callable[[Sequence[ItemT]], Awaitable[list[AnswerT]]],
    items: Sequence[ItemT],
    *,
    size: int,
    in_flight: int,
) -> list[AnswerT]:
    """What `send` answers for all items, in their order; so many at a time, some batches in flight."""
    slots = asyncio.Semaphore(in_flight)

    async def send_one(batch: Sequence[ItemT]) -> list[AnswerT]:
        async with slots:
            return await send(batch)

    answers = await asyncio.gather(*(send_one(items[at : at + size]) for at in range(0, len(items), size)))
    return list(itertools.chain.from_iterable(answers))


async def submit(client: Client, commands: Sequence[pb.SubmitCommand]) -> list[pb.SubmitResult]:
    """Submit every command, some batches in flight at a time. Raises TidemillError when one is refused."""

    async def submit_one(batch: Sequence[pb.SubmitCommand]) -> list[pb.SubmitResult]:
        return await client.executions.submit(NAMESPACE, batch, seconds=_SUBMIT_SECONDS_MAX)

    results = await in_batches(submit_one, commands, size=_BATCH_COMMANDS, in_flight=_BATCHES_IN_FLIGHT)
    for result in results:
        if result.HasField("error"):
            raise from_item_error(result.error)
    return results


async def until_applied(client: Client, workflow: str, results: Iterable[pb.SubmitResult]) -> None:
    """Return once every shard has come as far as these commands, which are for one workflow."""
    for position in _last_positions(results):
        while not await _has_come(client, workflow, position):
            pass


async def until_closed(client: Client, workflow: str, results: Iterable[pb.SubmitResult] = ()) -> None:
    """Return once no execution of the workflow is open any more; `results` are those of its starts."""
    # A start that is accepted but not yet applied is in no list: first every shard must have come so far.
    await until_applied(client, workflow, results)
    while await any_open(client, workflow):  # noqa: ASYNC110 - the engine has no such event to offer
        await asyncio.sleep(_POLL_SECONDS)


async def any_open(client: Client, workflow: str, *, at_least: Position | None = None) -> bool:
    """Whether an execution of the workflow is open. Raises TidemillError."""
    request = pb.ExecutionServiceListRequest(
        namespace=NAMESPACE, workflow=workflow, phases=_OPEN_PHASES, page_size=1, at_least=at_least
    )
    async for page in client.executions.pages(request):
        return bool(page)
    return False


async def _has_come(client: Client, workflow: str, position: Position) -> bool:
    try:
        await any_open(client, workflow, at_least=position)
    except TidemillError as error:
        # The engine waits for half a minute at most, and a long backlog takes longer.
        if error.reason != reasons.ERROR_REASON_WAIT_EXPIRED:
            raise
        return False
    return True


def _last_positions(results: Iterable[pb.SubmitResult]) -> list[Position]:
    last: dict[int, Position] = {}
    for result in results:
        seen = last.get(result.position.shard)
        if seen is None or seen.offset < result.position.offset:
            last[result.position.shard] = result.position
    return list(last.values())
