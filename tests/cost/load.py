"""A real Engine without its server, in memory, that runs executions of five calls as fast as it can."""

import random
from collections.abc import Awaitable, Callable
from typing import Final

from tidemill.api.actions.v1 import action_service_pb2 as pb
from tidemill.api.engine.v1.execution_service_pb2 import StartRequest
from tidemill.api.events.v1 import history_pb2
from tidemill.clock import ManualClock
from tidemill.engine.core.tasks.registry import KINDS
from tidemill.engine.log.memory import MemoryLog
from tidemill.engine.runtime.assembly import Assembly
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.settings import Settings
from tidemill.engine.store.memory.store import MemoryStore
from tidemill.json import Json, dumps

STEPS_AN_EXECUTION: Final = 5
EXECUTIONS_A_BATCH: Final = 50
STEPS_A_BATCH: Final = EXECUTIONS_A_BATCH * STEPS_AN_EXECUTION
NAMESPACE: Final = "cost"
WORKFLOW: Final = "five"
INPUT: Final = dumps({"n": 1, "text": "x" * 200})


def _document() -> bytes:
    tasks: list[Json] = [
        {
            f"step{number}": {
                "call": "work:1.0.0",
                "with": {"n": "${ .n }", "text": "${ .text }"},
                "output": {"as": "${ $input }"},
            }
        }
        for number in range(STEPS_AN_EXECUTION)
    ]
    header: Json = {"dsl": "1.0.3", "namespace": NAMESPACE, "name": WORKFLOW, "version": "1.0.0"}
    return dumps({"document": header, "do": tasks})


class Load:
    """The same work each time: time stands still, chance has a seed, and calls are answered at once.

    `after_step` makes steps dearer, for the proof that this is noticed.
    """

    def __init__(self, after_step: Callable[[], Awaitable[None]] | None = None) -> None:
        settings, clock = Settings(), ManualClock()
        environment = Environment(settings=settings, clock=clock, source=random.Random(1))
        store, log = MemoryStore(settings.shards, clock), MemoryLog(settings.shards)
        self._engine = Assembly(environment, store, log, owner="cost", kinds=KINDS)
        self._steps = {loop.name: loop.step for loop in self._engine.loops()}
        self._after_step = after_step
        self._started = 0

    async def open(self) -> None:
        """Have the workflow ready, and the session that carries its calls."""
        await self._engine.open()
        await self._engine.catalogue.publish(NAMESPACE, _document())
        self._session = self._engine.memory.calls.connect()

    async def run(self) -> None:
        """Start a batch of executions and see each of their steps through, to their end."""
        await self._start()
        answered = 0
        worked = True
        while worked:
            worked = await self._steps["intake"]()
            worked = await self._steps["batches"]() or worked
            answers = await self._answer()
            answered += answers
            worked = worked or answers > 0
        assert answered == STEPS_A_BATCH, "the load did not run as it was meant to"

    async def _start(self) -> None:
        ingress = self._engine.ingress
        numbers = range(self._started, self._started + EXECUTIONS_A_BATCH)
        self._started += EXECUTIONS_A_BATCH
        await ingress.accept([ingress.prepare_start(_start_of(number)) for number in numbers])

    async def _answer(self) -> int:
        """Answer every call that is out; how many there were."""
        calls, answered = self._engine.memory.calls, 0
        while (message := calls.next_message(self._session)) is not None:
            calls.received(self._session, [_succeeded(call) for call in message.calls])
            answered += len(message.calls)
        if self._after_step is not None:
            for _ in range(answered):
                await self._after_step()
        return answered


def _start_of(number: int) -> StartRequest:
    # The request's id makes the execution's: the same shards get the same work in every process.
    request = StartRequest(
        namespace=NAMESPACE, workflow=WORKFLOW, subject=f"contact-{number}", request_id=f"start-{number}"
    )
    request.input.data = INPUT
    return request


def _succeeded(call: pb.ActionCall) -> pb.ActionResult:
    result = pb.ActionResult(key=call.key, attempt=call.attempt, state=history_pb2.ACTION_STATE_SUCCEEDED)
    result.output.data = call.arguments.data
    return result
