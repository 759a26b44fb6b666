"""SIGKILL at sampled moments of a workflow with every kind of task: output and effects stay as without it."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
import pytest_asyncio

from tests.e2e.conftest import sample_settings
from tests.waiting import eventually
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.events.v1.payload_pb2 import CloudEvent, Payload
from tidemill.client.calls import Patience
from tidemill.client.client import Client
from tidemill.stack.clients import client_of
from tidemill.stack.layout import SERVICES, Layout, Ports, ServiceName
from tidemill.stack.stack import Stack
from tidemill.testing.effects import Identity, Temper
from tidemill.testing.provider import Provider

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

SAMPLES: Final = 20
SEED_VARIABLE: Final = "TIDEMILL_CRASH_SEED"
SEED: Final = int(os.environ.get(SEED_VARIABLE) or 20_261_124)
# So long after the event that marks the moment, at most: what follows it is under way by then.
DELAY_SECONDS_MAX: Final = 0.03
KILLED: Final[tuple[tuple[ServiceName, ...], ...]] = (
    ("engine",),
    ("actions",),
    ("engine",),
    ("engine", "actions"),
    ("engine",),
    ("triggers",),
    ("engine",),
    SERVICES,
)
DOCUMENTS: Final = Path(__file__).parent / "workflows" / "every-kind.yaml"
# A provider without moods, so that each run makes the same requests.
CALM: Final = Temper(refusing_rate=0, slow_rate=0, silent_rate=0)
TASKS: Final = ("part-1", "part-2", "part-3", "left", "fine", "told")


@dataclass(frozen=True)
class Ending:
    """What has become of a run, less what names it."""

    phase: str
    output: Any
    runs: Counter[tuple[str, str]]


class Runs:
    """A stack on which runs are made one after the other, and the world outside of it."""

    def __init__(self, stack: Stack, client: Client, provider: Provider) -> None:
        self._stack = stack
        self._client = client
        self._provider = provider
        self.calm = Ending("", None, Counter())
        self.seen = 0
        # How many events the run without a crash has left.
        self.life_events = 0

    async def make(self, name: str, *, after: int, killed: tuple[ServiceName, ...], delay: float) -> Ending:
        """Make a run; after its event number `after` kill these services, and start them again."""
        started = await self._client.executions.start(
            pb.StartRequest(
                namespace="tests",
                workflow="every-kind",
                subject=name,
                input=Payload(data=orjson.dumps({"run": name})),
            )
        )
        request = pb.WatchRequest(
            namespace="tests", execution_id=started.execution_id, at_least=started.position, from_sequence=1
        )
        seen = 0
        async for answer in self._client.executions.watch(request):
            seen = answer.execution.sequence
            for event in answer.events:
                if event.event.task_started.reference.endswith("/go"):
                    await self._send(name)
            if killed and seen >= after:
                await self._kill(killed, delay)
                killed = ()
        assert not killed, "the run ended before the moment of the crash"
        self.seen = seen
        await eventually(lambda: self.effects(name).total() >= len(TASKS))
        return await self._ending(name, started.execution_id)

    async def _kill(self, killed: tuple[ServiceName, ...], delay: float) -> None:
        await asyncio.sleep(delay)
        await asyncio.gather(*(self._stack.kill(service) for service in killed))
        await asyncio.gather(*(self._stack.restart(service) for service in killed))

    async def _send(self, name: str) -> None:
        """The two events that the run waits for: one of its own lane, one that is found by its value."""
        data = orjson.dumps({"run": name})
        events = [
            CloudEvent(id=f"go-{name}", source="/test", type="com.example.go", subject=name, data=data),
            CloudEvent(id=f"paid-{name}", source="/test", type="com.example.paid", subject="bank", data=data),
        ]
        outcomes = await self._client.events.publish("tests", events)
        assert not any(outcome.HasField("error") for outcome in outcomes)

    async def _ending(self, name: str, execution_id: str) -> Ending:
        report: Any = await self._client.report(execution_id)
        output = orjson.loads(orjson.dumps(report["output"]).replace(name.encode(), b"RUN"))
        runs = Counter((task["reference"], task["phase"]) for task in report["tasks"])
        return Ending(report["phase"], output, runs)

    def effects(self, name: str) -> Counter[Identity]:
        """What the provider has done for a run."""
        made = self._provider.effects().by_identity
        return Counter({identity: count for identity, count in made.items() if identity.event_id == name})

    def keys(self) -> Counter[str]:
        """How often something was done under each idempotency key."""
        return self._provider.effects().by_key


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runs(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Runs]:
    with Provider(CALM) as provider:
        settings = sample_settings() | {"TIDEMILL_ACTIONS_HTTP_HOSTS": provider.hosts("sms.example.com")}
        stack = Stack(
            Layout(data=tmp_path_factory.mktemp("every-kind"), ports=Ports.free(), settings=settings)
        )
        patience = Patience(call_seconds=60.0, away_seconds=60.0)
        async with client_of(stack.layout, patience=patience) as client:
            await stack.start()
            try:
                for document in DOCUMENTS.read_text().split("\n---\n"):
                    await client.definitions.publish(document.encode())
                made = Runs(stack, client, provider)
                made.calm = await made.make("calm", after=0, killed=(), delay=0)
                made.life_events = made.seen
                yield made
            finally:
                await stack.kill_all()


@pytest.mark.timeout(120)
async def test_without_a_crash_each_effect_is_made_once(runs: Runs) -> None:
    assert runs.calm.phase == "completed"
    assert runs.calm.output["seen"] == [2, 4, 6]
    assert runs.calm.output["winner"] == "quick"
    assert runs.calm.output["attempt"] == 3
    assert runs.calm.output["heard"] == [{"run": "RUN"}] * 2
    assert runs.effects("calm") == Counter({Identity("calm", task): 1 for task in TASKS})


@pytest.mark.timeout(120)
@pytest.mark.parametrize("sample", range(SAMPLES))
async def test_a_crash_at_a_sampled_moment_changes_nothing(runs: Runs, sample: int) -> None:
    source = random.Random(f"{SEED} {sample}")
    after = 1 + sample * runs.life_events // SAMPLES
    killed, delay = KILLED[sample % len(KILLED)], source.uniform(0, DELAY_SECONDS_MAX)
    name = f"run-{sample}"
    ending = await runs.make(name, after=after, killed=killed, delay=delay)
    again = f"{SEED_VARIABLE}={SEED}: killed {', '.join(killed)} {delay:.4f} s after event {after}"
    assert ending == runs.calm, again
    assert runs.effects(name) == Counter({Identity(name, task): 1 for task in TASKS}), again
    assert set(runs.keys().values()) == {1}, again
