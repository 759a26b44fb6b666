"""Lifecycle events survive crashes: SIGKILL under load, and nothing is missing or out of order."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import orjson
import pytest

from tests.contract.engine_bench import EngineClients
from tests.contract.fake_actions import FakeActions, serve
from tests.contract.sink import Receiver, receiving
from tests.e2e.engine_process import EngineProcess
from tests.waiting import eventually
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.engine.v1 import lifecycle_service_pb2
from tidemill.api.events.v1.payload_pb2 import Payload
from tidemill.client.addresses import Addresses
from tidemill.client.calls import Patience
from tidemill.client.client import Client
from tidemill.json import Json

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

EXECUTIONS: Final = 240
KILLS: Final = 3
STEPS: Final[tuple[dict[str, Json], ...]] = (
    {"note": {"set": {"n": "${ .n }"}}},
    {"step": {"call": "work:1.0.0", "with": {"n": "${ .n }"}}},
    {"last": {"set": {"done": True}}},
)
# The outcome of the call, the one fact of these histories that no lifecycle event tells.
UNTOLD: Final = 5
FACTS: Final = [number for number in range(1, 10) if number != UNTOLD]


@pytest.fixture
async def actions() -> AsyncIterator[str]:
    server = await serve(FakeActions())
    yield server.address
    await server.stop(0)


def sometimes_failing(source: random.Random) -> Receiver:
    """A receiver that takes a request and answers with an error, or does not take it, now and then."""

    def rule(_: object) -> int:
        return source.choice((200, 200, 200, 200, 500, 503))

    return Receiver(rule)


async def start_all(client: Client, clients: EngineClients) -> list[str]:
    """Publish, and start all executions a few at a time; their ids."""
    await clients.publish(*STEPS)
    started: list[str] = []
    for first in range(0, EXECUTIONS, 40):
        commands = [
            pb.SubmitCommand(
                start=pb.StartRequest(
                    workflow="cart",
                    subject=f"contact-{number % 25}",
                    request_id=f"r{number}",
                    input=Payload(data=orjson.dumps({"n": number})),
                )
            )
            for number in range(first, first + 40)
        ]
        results = await client.executions.submit("shop", commands)
        started.extend(result.execution_id for result in results)
    return started


async def kill_midway(engine: EngineProcess, receiver: Receiver) -> None:
    """Kill the engine each time that the sink has got some more events."""
    for kill in range(1, KILLS + 1):
        await eventually(lambda: len(receiver.taken) >= EXECUTIONS * len(FACTS) * kill // (KILLS + 2))  # noqa: B023
        await engine.kill()
        await engine.start()


async def follow(client: Client, told: list[str]) -> None:
    """Collect the ids of all events, over all the lost connections."""
    request = lifecycle_service_pb2.SubscribeRequest(namespace="shop")
    request.start = lifecycle_service_pb2.LIFECYCLE_START_BEGINNING
    async for answer in client.lifecycle.follow(request):
        told.extend(event.id for event in answer.events)


def sequences(ids: list[str]) -> list[int]:
    return list(dict.fromkeys(int(event_id.split("/")[1]) for event_id in ids))


@pytest.mark.timeout(180)
async def test_kills_under_load_leave_no_gap_and_no_disorder(tmp_path: Path, actions: str) -> None:
    receiver = sometimes_failing(random.Random(11))
    with receiving(receiver) as url:
        engine = EngineProcess(
            tmp_path, actions, lifecycle_sink=url, lifecycle_sink_events_max=100, batch_items_max=32
        )
        await engine.start()
        clients = EngineClients(engine.address)
        addresses = Addresses(engine.address, engine.address, engine.address)
        async with Client(addresses, patience=Patience(away_seconds=30)) as client:
            streamed: list[str] = []
            following = asyncio.ensure_future(follow(client, streamed))
            executions, _ = await asyncio.gather(start_all(client, clients), kill_midway(engine, receiver))
            await eventually(lambda: is_whole(receiver.by_execution(), executions), seconds=60)
            await eventually(lambda: is_whole(grouped(streamed), executions), seconds=30)
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        await clients.close()
        assert await engine.stop() == 0
    assert len(executions) == EXECUTIONS
    assert receiver.refused > 0


def grouped(ids: list[str]) -> dict[str, list[str]]:
    """Ids by execution, each where it came first."""
    found: dict[str, list[str]] = {}
    for event_id in dict.fromkeys(ids):
        found.setdefault(event_id.split("/")[0], []).append(event_id)
    return found


def is_whole(told: dict[str, list[str]], executions: list[str]) -> bool:
    """Whether all is told of each execution; raises AssertionError for what came before its time."""
    for ids in told.values():
        found = sequences(ids)
        assert found == FACTS[: len(found)], ids
    return all(sequences(told.get(execution_id, [])) == FACTS for execution_id in executions)
