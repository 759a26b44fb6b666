"""A large batch leaves the loop to others while it is decided, and nothing of it is to be seen meanwhile."""

import asyncio
import contextlib
from typing import Final

from tests.simulation.world import World
from tidemill.api.engine.v1.execution_service_pb2 import StartRequest, SubmitCommand, SubmitRequest
from tidemill.engine.settings import Settings
from tidemill.engine.store.rows import ExecutionFilter

STARTS: Final = 320
TURNS_MIN: Final = STARTS // 16
DOCUMENT: Final = """
document: {dsl: 1.0.3, namespace: shop, name: note, version: 1.0.0}
do:
- note: {set: {done: true}}
"""


async def test_others_get_their_turns_while_a_large_batch_is_decided() -> None:
    world = await World(settings=Settings(shards=1, batch_shard_max=STARTS)).open()
    await world.publish(DOCUMENT)
    start = SubmitCommand(start=StartRequest(namespace="shop", workflow="note", version="1.0.0"))
    await world.api.Submit(SubmitRequest(namespace="shop", commands=[start] * STARTS), None)  # type: ignore[arg-type]
    intake, batches = (
        next(loop for loop in world.engine.loops() if loop.name == name) for name in ("intake", "batches")
    )
    while await intake.step():
        pass
    # How many executions another task sees, each time that it gets its turn.
    seen: list[int] = []

    async def look() -> None:
        while True:
            seen.append(len(await world.store.page_executions(ExecutionFilter(namespace="shop"), STARTS)))
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    assert await batches.step()
    looking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await looking
    assert len(seen) >= TURNS_MIN
    assert set(seen[:TURNS_MIN]) == {0}
    await world.settle()
    assert len(await world.executions("shop")) == STARTS
