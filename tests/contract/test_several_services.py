"""Several of a service behind one list of addresses: one dies, and its clients go on with the others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.contract.engine_bench import EngineClients
from tests.contract.fake_actions import FakeActions, serve
from tests.contract.fake_engine import FakeEngine
from tests.contract.triggers_stack import Stack, lead, settings_for
from tests.unit.actions.samples import call
from tests.unit.triggers.samples import document, one
from tests.waiting import eventually
from tidemill.actions.adapters.events import EVENTS_PUBLISH, EventPublisher
from tidemill.actions.core.model import ActionState
from tidemill.client.addresses import Addresses
from tidemill.client.client import Client
from tidemill.engine.app import build
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.settings import Settings
from tidemill.json import Json
from tidemill.rpc import connect

ORDERED = document(one(type="lead.created"), ordering_key=".data.contact")
CALL: dict[str, Json] = {"step": {"call": "work:1.0.0", "with": {"n": "${ .n }"}}}
EVENTS = 40
COMPLETED = 7


class TwoEngines:
    """Two Engines on one store: what one is told, the other knows."""

    def __init__(self) -> None:
        self.engines = [FakeEngine(), FakeEngine()]
        first, second = self.engines
        second.catalogue = first.catalogue
        second.executions.requests = first.executions.requests
        second.executions.started = first.executions.started

    @property
    def address(self) -> str:
        return ",".join(engine.address for engine in self.engines)


@pytest.fixture
async def engines() -> AsyncIterator[TwoEngines]:
    pair = TwoEngines()
    for engine in pair.engines:
        await engine.start()
    yield pair
    for engine in pair.engines:
        await engine.stop()


@asynccontextmanager
async def triggers_of(engines: TwoEngines) -> AsyncIterator[Stack]:
    """A Triggers service that knows both Engines."""
    # Only the address is asked of the Engine.
    stack = Stack(engines.engines[0], settings_for(engines))  # type: ignore[arg-type]
    await stack.triggers.until_serving()
    try:
        yield stack
    finally:
        await stack.web.aclose()
        await stack.ask_to_stop()
        await stack.channel.close()


@pytest.fixture
async def both(engines: TwoEngines) -> AsyncIterator[tuple[Stack, Stack]]:
    async with triggers_of(engines) as first, triggers_of(engines) as second:
        await first.put_in_force(ORDERED)
        await eventually(lambda: len(first.engine.catalogue.acknowledged) >= 4)
        yield first, second


def started_in_order(engines: TwoEngines) -> list[str]:
    """The ids of the events as the Engines took their starts, repeats left out."""
    requests = engines.engines[0].executions.requests
    commands = [command for request in requests for command in request.commands]
    return list(dict.fromkeys(command.start.origin.event_id for command in commands))


async def test_events_go_on_in_order_when_an_engine_and_then_a_triggers_service_die(
    engines: TwoEngines, both: tuple[Stack, Stack]
) -> None:
    first, second = both
    addresses = Addresses("127.0.0.1:1", f"{first.triggers.address},{second.triggers.address}", "127.0.0.1:1")
    async with Client(addresses) as client:
        for number in range(EVENTS):
            if number == EVENTS // 4:
                await engines.engines[0].stop()
            if number == EVENTS // 2:
                await first.ask_to_stop()
            if number == 3 * EVENTS // 4:
                await engines.engines[0].start()
                await engines.engines[1].stop()
            (outcome,) = await client.events.publish("crm", [lead(number, data=b'{"contact": "c7"}')])
            assert len(outcome.executions) == 1, outcome
    assert started_in_order(engines) == [str(number) for number in range(EVENTS)]
    assert len(engines.engines[0].executions.started) == EVENTS


async def test_a_submit_without_an_answer_is_made_at_the_other_engine_before_anything_later(
    engines: TwoEngines,
) -> None:
    async with triggers_of(engines) as stack:
        await stack.put_in_force(ORDERED)
        for engine in engines.engines:
            engine.executions.gate.clear()
        early = asyncio.create_task(stack.publish(lead("early", data=b'{"contact": "c7"}')))
        await eventually(lambda: len(engines.engines[0].executions.requests) == 1)
        late = asyncio.create_task(stack.publish(lead("late", data=b'{"contact": "c7"}')))
        await stack.until_queued(2)
        asked, other = sorted(engines.engines, key=lambda engine: not engine.executions.entered.is_set())
        await asked.stop()
        other.executions.gate.set()
        (outcome,), (later,) = await early, await late
        assert (len(outcome.executions), len(later.executions)) == (1, 1)
        assert [len(request.commands) for request in other.executions.requests] == [1, 1, 1]
    assert started_in_order(engines) == ["early", "late"]


async def test_the_watch_goes_on_with_the_other_engine(engines: TwoEngines) -> None:
    async with triggers_of(engines) as stack:
        catalogue = engines.engines[0].catalogue
        for engine in (engines.engines[0], engines.engines[1]):
            await engine.stop()
            await stack.until_taken()
            assert await catalogue.publish(document(one(type="x"), name=f"w{catalogue.revision}"))
            async with asyncio.timeout(10):
                await catalogue.until_acknowledged(catalogue.revision)
            await engine.start()


async def test_events_that_executions_emit_go_on_when_a_triggers_service_dies(
    both: tuple[Stack, Stack], engines: TwoEngines
) -> None:
    first, second = both
    async with connect(f"{first.triggers.address},{second.triggers.address}") as channel:
        publisher = EventPublisher(channel, timeout_us=10_000_000, batch_max=10, services=2)

        async def publish(key: str) -> ActionState:
            arguments = b'{"source": "/s", "type": "lead.created", "data": {"contact": "c7"}}'
            publisher.wake.clear()
            running = asyncio.ensure_future(
                publisher.run(call(key, namespace="crm", action=EVENTS_PUBLISH, arguments=arguments))
            )
            await publisher.wake.wait()
            await publisher.run_once()
            return (await running).state

        assert [await publish(f"k{number}") for number in range(4)] == [ActionState.SUCCEEDED] * 4
        await second.ask_to_stop()
        assert [await publish(f"k{number}") for number in range(4, 8)] == [ActionState.SUCCEEDED] * 4
    assert started_in_order(engines) == [f"k{number}" for number in range(8)]


class Bench(EngineClients):
    """An Engine with two Action services."""

    def __init__(self, address: str, services: list[FakeActions]) -> None:
        super().__init__(address)
        self.services = services

    def calls(self) -> list[int]:
        return [len(service.calls) for service in self.services]


async def test_calls_go_on_when_an_action_service_dies_and_to_both_when_it_is_back(tmp_path: Path) -> None:
    services = [FakeActions(), FakeActions()]
    for service in services:
        service.behaviours["work:1.0.0"] = lambda call: None
    async with AsyncExitStack() as stack:
        servers = [await serve(service) for service in services]
        addresses = ",".join(server.address for server in servers)
        engine = await build(
            Environment(settings=Settings(listen="127.0.0.1:0", data=tmp_path, actions=addresses))
        )
        bench = Bench(await engine.start(), services)
        stack.push_async_callback(bench.close)
        serving = asyncio.ensure_future(engine.serve())
        await bench.publish(CALL)
        await eventually(lambda: all(stream.connected for stream in engine._streams))
        started = [await bench.start({"n": number}) for number in range(20)]
        await eventually(lambda: bench.calls() == [10, 10])
        # They hang there; those of the dead are made at the other one, as what they are: the same once more.
        services[1].behaviours.clear()
        await servers[0].stop(0)
        hung = {call.execution_id for call in services[0].calls}
        for one in started:
            if one.execution_id in hung:
                assert (await bench.closed(one)).phase == COMPLETED
        again = [one for one in services[1].calls if one.delivery]
        assert {one.key for one in again} == {one.key for one in services[0].calls}
        assert {(one.attempt, one.delivery) for one in again} == {(1, 1)}
        services[0].behaviours.clear()
        servers[0] = await serve(services[0], servers[0].address)
        await eventually(lambda: all(stream.connected for stream in engine._streams))
        for number in range(3):
            await bench.closed(await bench.start({"n": number}))
        assert bench.calls() == [13, 20], "ten calls still hang at the other one"
        engine.ask_to_stop()
        await asyncio.wait_for(serving, 20)
        for server in servers:
            await server.stop(0)
