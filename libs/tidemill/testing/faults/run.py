"""One fault run from start to end: a cluster, the load, the faults, the drain, the proof."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.engine.v1.execution_pb2 import Execution
from tidemill.client.calls import Patience
from tidemill.client.client import Client
from tidemill.client.executions import CLOSED_PHASES
from tidemill.errors import TidemillError
from tidemill.stack.cluster import Cluster
from tidemill.stack.cluster_layout import Size
from tidemill.telemetry import names
from tidemill.testing.clusters import Servers, private_cluster
from tidemill.testing.effects import Effects, Temper
from tidemill.testing.faults.checked import CheckReport, check
from tidemill.testing.faults.evidence import keep_evidence
from tidemill.testing.faults.injecting import Fault, Injector, Target
from tidemill.testing.faults.meters import Meters, Pulse
from tidemill.testing.faults.sending import Sender, Tally
from tidemill.testing.faults.verdict import Verdict, judge
from tidemill.testing.faults.workload import HOSTS, NAMESPACE, Lane, Wanted, documents, lanes, wanted
from tidemill.testing.provider import Provider

SENDERS: Final = 3
COUNTERS: Final = (
    names.ENGINE_EVENTS.name,
    names.ENGINE_EVENTS_REPEATED.name,
    names.ENGINE_SHARDS_TAKEN.name,
    names.ENGINE_SHARDS_FENCED.name,
    names.ENGINE_DEAD_LETTERS.name,
    names.TRIGGERS_REPEATS.name,
    names.ACTIONS_RECORD_ANSWERS.name,
    names.ACTIONS_JOINED.name,
    names.ACTIONS_LATE_OUTCOMES.name,
    names.ACTIONS_UNDELIVERED.name,
)
_PATIENCE: Final = Patience(call_seconds=20.0, away_seconds=5.0)
_READING_PATIENCE: Final = Patience(call_seconds=60.0, away_seconds=60.0)
_HTTP_TIMEOUT_US: Final = 2_000_000
_PULSE_SECONDS: Final = 0.05
_POLL_SECONDS: Final = 1.0
_TELL_SECONDS: Final = 30.0
_PAGE_SIZE: Final = 1_000
# Repeats take as many places in batches as what is new.
_INTERVAL_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to run. The load is spread over about `seconds`, and faults come as long; the decks of faults are
    dealt at least `rounds` times, unless there are to be none."""

    executions: int
    seed: int
    seconds: float
    rounds: int
    size: Size = field(default_factory=Size)
    shards: int = 48
    drain_seconds_max: float = 120.0
    honours_keys: bool = True

    def temper(self) -> Temper:
        """How the outside behaves."""
        return Temper(
            seed=self.seed,
            refusing_rate=0.15,
            slow_rate=0.05,
            silent_rate=0.03,
            silent_seconds=4.0,
            honours_keys=self.honours_keys,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a run."""

    plan: Plan
    faults: Counter[Fault]
    tally: Tally
    wanted: Wanted
    effects: Effects
    executions: int
    counters: dict[str, int]
    longest_stall_seconds: float
    load_seconds: float
    drain_seconds: float
    verdict: Verdict
    check: CheckReport

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, doubled or out of order, by the outside's count and by the checker's."""
        return not self.verdict.faults and self.check.holds


async def fault_run(plan: Plan, data: Path, say: Callable[[str], None]) -> Outcome:
    """Run the plan with logs and files in `data`; `say` takes a line about each thing that happens.

    Raises ServerMissingError where there are no servers, StackError and StuckError when nothing goes on.
    """
    with Provider(plan.temper()) as provider:
        settings = {
            "TIDEMILL_ACTIONS_HTTP_HOSTS": provider.hosts(*HOSTS),
            "TIDEMILL_ENGINE_SHARDS": str(plan.shards),
            "TIDEMILL_LOG_LEVEL": "warning",
            # The silent outside is given up, and asked again under the same key.
            "TIDEMILL_ACTIONS_HTTP_TIMEOUT_US": str(_HTTP_TIMEOUT_US),
        }
        cluster_of = private_cluster(plan.size, settings=settings, data=data, quick_start=True)
        async with cluster_of as (cluster, servers):
            return await _Run(plan, cluster, servers, provider, say).run(data)


class _Run:
    """A run on a cluster that is up."""

    def __init__(
        self,
        plan: Plan,
        cluster: Cluster,
        servers: Servers,
        provider: Provider,
        say: Callable[[str], None],
    ) -> None:
        self._plan = plan
        self._cluster = cluster
        self._provider = provider
        self._say = say
        self._tally = Tally()
        self._pulse = Pulse()
        self._meters = Meters(cluster, COUNTERS)
        self._injector = Injector(
            Target(cluster=cluster, servers=servers, say=say), random.Random(f"faults {plan.seed}")
        )

    async def run(self, data: Path) -> Outcome:
        plan = self._plan
        load = lanes(plan.executions, plan.seed)
        want = wanted(load)
        async with self._cluster.client(patience=_READING_PATIENCE) as client:
            for document in documents():
                await client.definitions.publish(document)
            async with self._watched():
                load_seconds = await self._under_faults(load)
                self._say("everything is acknowledged; waiting for the last executions to close")
                begun = time.monotonic()
                executions = await self._drained(client, want)
                drain_seconds = time.monotonic() - begun
            effects = self._provider.effects()
            self._say("checking")
            report = await check(self._cluster, self._tally, effects, data)
            verdict = judge(want, self._tally.acknowledged, effects, executions)
            if verdict.faults:
                await keep_evidence(client, verdict.faults, executions, data)
        return Outcome(
            plan=plan,
            faults=self._injector.counts,
            tally=self._tally,
            wanted=want,
            effects=effects,
            executions=len(executions),
            counters={counter: self._meters.total(counter) for counter in COUNTERS},
            longest_stall_seconds=self._pulse.longest_seconds,
            load_seconds=load_seconds,
            drain_seconds=drain_seconds,
            verdict=verdict,
            check=report,
        )

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        """Meter the processes and keep them running meanwhile."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(work) for work in (self._meters.run(), self._injector.keep(), self._feel())
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()

    async def _feel(self) -> None:
        while True:
            self._pulse.see(self._tally.taken + self._provider.effects().made)
            await asyncio.sleep(_PULSE_SECONDS)

    async def _under_faults(self, load: list[Lane]) -> float:
        """Send everything while faults go on, and wait for the end of both; the seconds that it took."""
        begun = time.monotonic()
        happenings = sum(map(len, load))
        batch = max(round(happenings / SENDERS * _INTERVAL_SECONDS / self._plan.seconds), 1)
        loaded = asyncio.Event()
        async with AsyncExitStack() as clients, asyncio.TaskGroup() as faults:
            faults.create_task(self._injector.run(self._plan.rounds, loaded))
            telling = faults.create_task(self._tell(happenings))
            async with asyncio.TaskGroup() as senders:
                for number in range(SENDERS):
                    client = await clients.enter_async_context(self._cluster.client(patience=_PATIENCE))
                    source = random.Random(f"sender {number} {self._plan.seed}")
                    sender = Sender(client, load[number::SENDERS], source, self._tally)
                    senders.create_task(sender.run(interval_seconds=_INTERVAL_SECONDS, batch=batch))
            loaded.set()
            telling.cancel()
        return time.monotonic() - begun

    async def _tell(self, happenings: int) -> None:
        while True:
            await asyncio.sleep(_TELL_SECONDS)
            self._say(f"{len(self._tally.acknowledged):,} of {happenings:,} happenings are acknowledged")

    async def _drained(self, client: Client, want: Wanted) -> list[Execution]:
        """Every execution, once all that are wanted have closed, or the time is over."""
        ends = time.monotonic() + self._plan.drain_seconds_max
        while True:
            try:
                found = await all_executions(client)
            except TidemillError as error:
                self._say(f"cannot list executions: {error}")
                found = []
            closed = sum(execution.phase in CLOSED_PHASES for execution in found)
            enough = closed == len(found) >= want.executions.total()
            if enough and self._provider.effects().made >= len(want.effects):
                return found
            if time.monotonic() > ends:
                self._say(f"{closed} of {want.executions.total()} executions have closed in time")
                return found
            await asyncio.sleep(_POLL_SECONDS)


async def all_executions(client: Client) -> list[Execution]:
    """Every execution of the run."""
    request = pb.ExecutionServiceListRequest(namespace=NAMESPACE, page_size=_PAGE_SIZE)
    return [execution async for page in client.executions.pages(request) for execution in page]
