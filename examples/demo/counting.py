"""The verdict: what was wanted against what was done, and how long steps took."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from examples.demo.expectations import Expectation
from examples.demo.stage import NAMESPACE
from tidemill.api.engine.v1.execution_pb2 import EXECUTION_PHASE_COMPLETED, Execution
from tidemill.api.engine.v1.execution_service_pb2 import HistoryEvent
from tidemill.client.client import Client
from tidemill.client.plain import phase_name, us_of_timestamp
from tidemill.testing.effects import Effects, Identity

_READS_IN_FLIGHT: Final = 16


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was lost, doubled or done unasked; nothing when all is well."""

    wanted: Expectation
    effects: Effects
    phases: Counter[str]
    executions: Counter[str]
    lost: list[Identity]
    doubled: list[Identity]
    unwanted: list[Identity]

    @property
    def holds(self) -> bool:
        """Whether each effect and each execution that was wanted is there once, and no other."""
        return not self.faults()

    def faults(self) -> list[str]:
        """A sentence about each thing that is wrong."""
        faults = [f"lost: {identity.event_id} {identity.task}" for identity in self.lost]
        faults += [
            f"done {self.effects.by_identity[identity]}x: {identity.event_id} {identity.task}"
            for identity in self.doubled
        ]
        faults += [f"not wanted: {identity.event_id} {identity.task}" for identity in self.unwanted]
        for workflow in sorted(self.wanted.executions | self.executions):
            wanted, found = self.wanted.executions[workflow], self.executions[workflow]
            if wanted != found:
                faults.append(f"{workflow}: {found} executions, not {wanted}")
        completed = phase_name(EXECUTION_PHASE_COMPLETED)
        faults += [
            f"{count} executions are {phase}" for phase, count in self.phases.items() if phase != completed
        ]
        return faults


def judge(wanted: Expectation, effects: Effects, executions: Iterable[Execution]) -> Verdict:
    """Compare what was wanted with what was done."""
    listed = list(executions)
    return Verdict(
        wanted=wanted,
        effects=effects,
        phases=Counter(phase_name(execution.phase) for execution in listed),
        executions=Counter(execution.workflow for execution in listed),
        lost=effects.lost(wanted.effects),
        doubled=effects.doubled(),
        unwanted=effects.unwanted(wanted.effects),
    )


@dataclass(frozen=True, slots=True)
class Latencies:
    """Milliseconds out of histories.

    `steps`: for each call of an action whose outcome somebody waited for, from the request on disk to the
    outcome on disk. `waits`: for each wait, from the moment when it was due to its end on disk.
    """

    steps: list[float]
    waits: list[float]


async def read_latencies(client: Client, executions: Sequence[Execution]) -> Latencies:
    """The latencies of all these executions."""
    slots = asyncio.Semaphore(_READS_IN_FLIGHT)

    async def read(execution: Execution) -> Latencies:
        async with slots:
            return latencies_of(await client.executions.history(execution.execution_id, namespace=NAMESPACE))

    found = await asyncio.gather(*map(read, executions))
    return Latencies(
        [latency for one in found for latency in one.steps],
        [latency for one in found for latency in one.waits],
    )


def latencies_of(history: Iterable[HistoryEvent]) -> Latencies:
    """The latencies of one execution."""
    asked_at_us: dict[str, int] = {}
    due_at_us: dict[str, int] = {}
    found = Latencies([], [])
    for record in history:
        time_us = us_of_timestamp(record.time)
        event = record.event
        match event.WhichOneof("kind"):
            case "task_started" if event.task_started.HasField("action"):
                asked_at_us[event.task_started.reference] = time_us
            case "task_started" if event.task_started.HasField("due_at_us"):
                due_at_us[event.task_started.reference] = event.task_started.due_at_us
            case "action_completed" if not event.action_completed.late:
                found.steps.append((time_us - asked_at_us[event.action_completed.reference]) / 1_000)
            case "task_completed" if event.task_completed.reference in due_at_us:
                found.waits.append((time_us - due_at_us.pop(event.task_completed.reference)) / 1_000)
            case _:
                pass
    return found
