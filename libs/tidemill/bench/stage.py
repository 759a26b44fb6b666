"""What a scenario works with: a stack, and a journal of what it has accepted, for the check at the end."""

import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from tidemill.api.engine.v1.execution_service_pb2 import (
    StartRequest,
    StartResponse,
    SubmitCommand,
    SubmitResult,
)
from tidemill.bench.beds import Bed
from tidemill.bench.loads import submit, until_closed
from tidemill.bench.processes import cost_of, memory_of
from tidemill.bench.result import Load
from tidemill.bench.workflows import NAMESPACE, Workflow
from tidemill.checking.expected import Expectations
from tidemill.client.client import Client

Say = Callable[[str], None]
_COMPLETED: Final = "completed"


@dataclass(slots=True)
class Journal:
    """What was accepted: each start must have made one execution, which completes with so many calls."""

    expected: Expectations = field(default_factory=Expectations)
    calls: int = 0
    # Starts that were answered with the id of another one.
    repeated: list[str] = field(default_factory=list)

    def accepted(self, workflow: Workflow, answers: Iterable[SubmitResult | StartResponse]) -> None:
        """These starts of the workflow were accepted."""
        for answer in answers:
            if answer.execution_id in self.expected.starts:
                self.repeated.append(answer.execution_id)
            self.expected.starts[answer.execution_id] = _COMPLETED
            self.calls += workflow.calls


@dataclass(frozen=True, slots=True)
class Stage:
    """A stack that nothing else uses, its journal, and who is told how it goes."""

    bed: Bed
    say: Say
    journal: Journal = field(default_factory=Journal)

    @property
    def client(self) -> Client:
        """A client of the stack."""
        return self.bed.client

    @asynccontextmanager
    async def beside(self) -> AsyncIterator["Stage"]:
        """Another stack like this one, on the same machine, for what is to be measured in turns. Whoever uses
        it checks it."""
        async with self.bed.another() as bed:
            yield Stage(bed, self.say)

    async def publish(self, *workflows: Workflow) -> None:
        """Publish workflows that are to be started."""
        for workflow in workflows:
            await self.client.definitions.publish(workflow.document())

    async def submit(self, workflow: Workflow, starts: Sequence[StartRequest]) -> list[SubmitResult]:
        """Have the starts accepted, as many at a time as the engine takes."""
        results = await submit(self.client, [SubmitCommand(start=start) for start in starts])
        self.journal.accepted(workflow, results)
        return results

    async def run_all(self, workflow: Workflow, count: int) -> Load:
        """Run so many executions at once, each in its own lane: the time that it took, and the cost."""
        starts = [workflow.start() for _ in range(count)]
        before, begun = self.cost(), time.perf_counter()
        results = await self.submit(workflow, starts)
        await until_closed(self.client, workflow.name, results)
        seconds = time.perf_counter() - begun
        used = {name: after - before[name] for name, after in self.cost().items()}
        return Load(
            seconds=seconds,
            cpu_seconds=used,
            peak_rss_mb=memory_of(self.bed.pids, self.bed.families),
        )

    async def run_alone(self, workflow: Workflow, count: int) -> list[float]:
        """Run executions one by one; each one's milliseconds from its start until it is seen closed."""
        found: list[float] = []
        for _ in range(count):
            begun = time.perf_counter()
            started = await self.client.executions.start(workflow.start())
            self.journal.accepted(workflow, [started])
            await self.client.executions.wait_ended(started, namespace=NAMESPACE)
            found.append((time.perf_counter() - begun) * 1000)
        return found

    def cost(self) -> dict[str, float]:
        """The CPU seconds that each process has used so far."""
        return cost_of(self.bed.pids, self.bed.families)
