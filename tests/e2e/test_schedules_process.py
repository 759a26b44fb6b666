"""Schedules on a real Engine that is killed: one execution a fire time, missed ones by policy."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import orjson
import pytest

from tests.contract.engine_bench import EngineClients
from tests.contract.fake_actions import FakeActions, serve
from tests.e2e.engine_process import EngineProcess
from tests.waiting import eventually
from tidemill.api.engine.v1 import definition_service_pb2 as definitions
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.engine.v1.execution_pb2 import EXECUTION_PHASE_COMPLETED, Execution
from tidemill.api.events.v1.command_pb2 import EXECUTION_KIND_TRIGGER
from tidemill.json import Json

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SECOND_US: Final = 1_000_000
# The Engine is killed once so many executions were started, and stays away while fire times pass.
KILLS_AFTER: Final = (2, 5)
AWAY_SECONDS: Final = 2.2
FIRES: Final = 8


@dataclass(frozen=True)
class Fires:
    """What the schedule of one version has done, by its own history: fire times, counted from 1."""

    started: list[int]
    missed: int
    most_at_once: int


class Schedule:
    """What clients can see of one workflow that starts every second, with a policy for what was missed."""

    def __init__(self, clients: EngineClients, workflow: str, missed: Json) -> None:
        self._clients = clients
        self._workflow = workflow
        self._missed = missed

    async def publish(self, version: str) -> None:
        header: Json = {
            "dsl": "1.0.3",
            "namespace": "shop",
            "name": self._workflow,
            "version": version,
            "metadata": {"tidemill": {"missedFires": self._missed}},
        }
        note: Json = {"note": {"set": {"version": version}}}
        document = orjson.dumps({"document": header, "schedule": {"every": "PT1S"}, "do": [note]})
        await self._clients.definitions.Publish(definitions.PublishRequest(document=document))

    async def listed(self, version: str, *, with_triggers: bool = False) -> list[Execution]:
        """Executions of one version, oldest first."""
        request = pb.ExecutionServiceListRequest(
            namespace="shop", workflow=self._workflow, page_size=1_000, with_triggers=with_triggers
        )
        answer = await self._clients.executions.List(request)
        return [execution for execution in reversed(answer.executions) if execution.version == version]

    async def trigger(self, version: str) -> Execution:
        """The execution that is the schedule."""
        listed = await self.listed(version, with_triggers=True)
        (trigger,) = [execution for execution in listed if execution.kind == EXECUTION_KIND_TRIGGER]
        return trigger

    async def until_started(self, version: str, count: int) -> None:
        async def are_there() -> bool:
            return len(await self.listed(version)) >= count

        await eventually(are_there)

    async def until_ended(self, version: str) -> None:
        async def has_ended() -> bool:
            return (await self.trigger(version)).HasField("closed_at")

        await eventually(has_ended)

    async def fires(self, version: str) -> Fires:
        """What the schedule has done until now."""
        trigger = await self.trigger(version)
        history = await self._clients.history(trigger.execution_id)
        fired = [event.event.schedule_fired for event in history if event.event.HasField("schedule_fired")]
        starts_us = [start_us for fire in fired for start_us in fire.starts_us]
        return Fires(
            started=[_number(start_us, trigger) for start_us in starts_us],
            missed=sum(fire.missed for fire in fired),
            most_at_once=max((len(fire.starts_us) for fire in fired), default=0),
        )

    async def started(self, version: str) -> list[int]:
        """The fire times that executions name as their origin."""
        trigger = await self.trigger(version)
        numbers = []
        for execution in await self.listed(version):
            first = (await self._clients.history(execution.execution_id))[0]
            origin = first.event.execution_started.origin
            assert (origin.trigger, execution.phase) == ("every", EXECUTION_PHASE_COMPLETED)
            at_us = round(datetime.fromisoformat(origin.event_id).timestamp() * SECOND_US)
            numbers.append(_number(at_us, trigger))
        return sorted(numbers)


def _number(at_us: int, trigger: Execution) -> int:
    """Which fire time this is: the first is one second after the schedule began."""
    number, rest = divmod(at_us - trigger.started_at.ToMicroseconds(), SECOND_US)
    assert rest == 0
    return number


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[EngineProcess]:
    server = await serve(FakeActions())
    process = EngineProcess(tmp_path, server.address)
    await process.start()
    yield process
    await process.stop()
    await server.stop(0)


async def be_away(engine: EngineProcess, clients: EngineClients) -> None:
    """Kill the Engine, let fire times pass, and start it again."""
    await engine.kill()
    back_at = time.monotonic() + AWAY_SECONDS
    await eventually(lambda: time.monotonic() >= back_at)
    await engine.start()
    await clients.channel.channel_ready()


async def check_version(schedule: Schedule, version: str) -> Fires:
    """Each fire time of an ended schedule has started one execution, or is counted as missed."""
    fires = await schedule.fires(version)
    await schedule.until_started(version, len(fires.started))
    assert await schedule.started(version) == fires.started
    assert len(fires.started) + fires.missed == fires.started[-1]
    return fires


@pytest.mark.timeout(120)
async def test_kills_leave_one_execution_a_fire_time_and_a_new_version_takes_over(
    engine: EngineProcess,
) -> None:
    clients = EngineClients(engine.address)
    newest, every = Schedule(clients, "newest", "one"), Schedule(clients, "every", {"all": 100})
    for schedule in (newest, every):
        await schedule.publish("1.0.0")
    for count in KILLS_AFTER:
        await every.until_started("1.0.0", count)
        await be_away(engine, clients)
    await every.until_started("1.0.0", FIRES)
    for schedule in (newest, every):
        await schedule.publish("1.1.0")
        # The old version's schedule ends; what it has done until then is all that it ever does.
        await schedule.until_ended("1.0.0")
    of_newest, of_every = await check_version(newest, "1.0.0"), await check_version(every, "1.0.0")
    assert of_every.started == list(range(1, of_every.started[-1] + 1))
    assert of_every.most_at_once > 1
    assert of_newest.missed > 0
    assert of_newest.most_at_once == 1
    await every.until_started("1.1.0", 2)
    assert (await every.started("1.1.0"))[:2] == [1, 2]
    assert await every.fires("1.0.0") == of_every
    await clients.close()
