"""What an event costs by how many executions wait: `python bench/waiting_events.py [--json] [WAITING...]`.

On a stack of its own so many executions of one workflow wait for one type, each for another value (in the
type's lane) or subject (in its own lane). Events come one at a time, and a hundred at once; what they resume
is started anew, so that equally many wait for each. At the end come events that nobody waits for.
"""

import argparse
import asyncio
import itertools
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

from tidemill.api.engine.v1 import execution_pb2
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.events.v1.payload_pb2 import CloudEvent, Payload
from tidemill.bench.processes import cpu_seconds
from tidemill.client.calls import Patience
from tidemill.client.client import Client
from tidemill.json import dumps
from tidemill.stack.clients import client_of
from tidemill.stack.layout import SERVICES
from tidemill.stack.stack import Stack, private_stack

NAMESPACE: Final = "bench"
WAITING: Final = (100, 1_000, 10_000)
BATCH: Final = 100
ROUNDS: Final = 10
ALONE: Final = 50
UNHEARD: Final = 5_000
_POLL_SECONDS: Final = 0.05
_SECONDS_MAX: Final = 300.0
_CORRELATE: Final = "correlate: {order: {from: .data.order, expect: '${ .order }'}}"
_DOCUMENT: Final = """
document: {{dsl: '1.0.3', namespace: bench, name: {lane}, version: '1.0.0'}}
do:
- hear: {{listen: {{to: {{one: {{with: {{type: {lane}.paid}}, {correlate}}}}}}}}}
"""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One line of the table; CPU is that of the Engine and Triggers together."""

    lane: str
    waiting: int
    alone_ms: float
    events_per_s: float
    cpu_ms_per_event: float


@dataclass
class Waiting:
    """Executions that wait in the lane of the type ("type") or in their own ("subject"), oldest first."""

    client: Client
    lane: str
    open: list[tuple[int, str]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def fill(self, count: int) -> None:
        """Start executions until so many wait."""
        numbers = list(itertools.islice(self.numbers, count - len(self.open)))
        starts = [
            pb.SubmitCommand(
                start=pb.StartRequest(
                    workflow=self.lane,
                    subject=f"contact-{number}",
                    input=Payload(data=dumps({"order": number})),
                )
            )
            for number in numbers
        ]
        results = await self.client.executions.submit(NAMESPACE, starts, seconds=_SECONDS_MAX)
        self.open += [(number, result.execution_id) for number, result in zip(numbers, results, strict=True)]
        for result in {result.position.shard: result for result in results}.values():
            await self.client.executions.get(result.execution_id, at_least=result.position)

    async def resume(self, count: int) -> float:
        """Send each of so many its event, all in one batch; seconds until all have completed."""
        resumed, self.open = self.open[:count], self.open[count:]
        ends = [asyncio.create_task(self._ended(execution_id)) for _, execution_id in resumed]
        await asyncio.sleep(_POLL_SECONDS)  # the watchers are on their way
        begun = time.perf_counter()
        await self.client.events.publish(NAMESPACE, [self._event(number) for number, _ in resumed])
        await asyncio.gather(*ends)
        return time.perf_counter() - begun

    async def _ended(self, execution_id: str) -> None:
        execution = await self.client.executions.wait_closed(execution_id, namespace=NAMESPACE)
        assert execution.phase == execution_pb2.EXECUTION_PHASE_COMPLETED

    def _event(self, number: int) -> CloudEvent:
        return CloudEvent(
            id=f"{self.lane}-{number}",
            source="/bench",
            type=f"{self.lane}.paid",
            subject=f"contact-{number}",
            data=dumps({"order": number}),
        )


async def measure(stack: Stack, waiting: Waiting, count: int) -> Figures:
    """Resume executions while `count` wait."""
    pids = {str(name): pid for name, pid in stack.pids().items() if name != "actions"}
    await waiting.fill(count)
    alone = [await waiting.resume(1) for _ in range(ALONE)]
    seconds, used = [], 0.0
    for _ in range(ROUNDS):
        await waiting.fill(count)
        before = sum(cpu_seconds(pids).values())
        seconds.append(await waiting.resume(BATCH))
        used += sum(cpu_seconds(pids).values()) - before
    return Figures(
        lane=waiting.lane,
        waiting=count,
        alone_ms=round(statistics.median(alone) * 1_000, 2),
        events_per_s=round(BATCH / statistics.median(seconds), 1),
        cpu_ms_per_event=round(used * 1_000 / (BATCH * ROUNDS), 3),
    )


async def measure_unheard(client: Client, stack: Stack) -> Figures:
    """Send events of a type that nobody starts on or waits for."""
    pids = {str(name): pid for name, pid in stack.pids().items() if name != "actions"}
    before, begun = sum(cpu_seconds(pids).values()), time.perf_counter()
    for first in range(0, UNHEARD, BATCH):
        events = [
            CloudEvent(id=f"e{number}", source="/bench", type="nobody.waits", subject="s", data=b"{}")
            for number in range(first, first + BATCH)
        ]
        await client.events.publish(NAMESPACE, events)
    seconds = time.perf_counter() - begun
    used = sum(cpu_seconds(pids).values()) - before
    return Figures(
        lane="none",
        waiting=0,
        alone_ms=0.0,
        events_per_s=round(UNHEARD / seconds, 1),
        cpu_ms_per_event=round(used * 1_000 / UNHEARD, 3),
    )


async def run(counts: Sequence[int]) -> list[Figures]:
    """All figures, on one stack."""
    found = []
    patience = Patience(call_seconds=_SECONDS_MAX)
    async with private_stack() as stack, client_of(stack.layout, patience=patience) as client:
        await stack.until_healthy(*SERVICES)
        for lane, correlate in (("type", _CORRELATE), ("subject", "correlate: {}")):
            text = _DOCUMENT.format(lane=lane, correlate=correlate)
            await client.definitions.publish(text.replace(", correlate: {}", "").encode())
            waiting = Waiting(client, lane)
            for count in sorted(counts):
                found.append(await measure(stack, waiting, count))
        found.append(await measure_unheard(client, stack))
    return found


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("waiting", nargs="*", type=int, default=list(WAITING))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = [asdict(line) for line in asyncio.run(run(arguments.waiting))]
    if arguments.json:
        print(json.dumps(figures, indent=2))
        return
    print("".join(f"{name:>18}" for name in figures[0]))
    for line in figures:
        print("".join(f"{value:>18}" for value in line.values()))


if __name__ == "__main__":
    main()
