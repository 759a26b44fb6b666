"""A real Engine in this process, on real files, with its clients and a fake Action service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import orjson

from tests.contract.fake_actions import FakeActions, serve
from tidemill.api.engine.v1 import definition_service_pb2 as definitions
from tidemill.api.engine.v1 import execution_service_pb2 as executions
from tidemill.api.engine.v1.dead_letter_service_pb2_grpc import DeadLetterServiceStub
from tidemill.api.engine.v1.definition_service_pb2_grpc import DefinitionServiceStub
from tidemill.api.engine.v1.execution_pb2 import Execution
from tidemill.api.engine.v1.execution_service_pb2_grpc import ExecutionServiceStub
from tidemill.engine.app import Engine, build
from tidemill.engine.core.tasks.registry import KINDS, Kinds
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.settings import Settings
from tidemill.json import Json
from tidemill.rpc import connect

DOCUMENT: dict[str, Json] = {"dsl": "1.0.3", "namespace": "shop", "name": "cart", "version": "1.0.0"}
CLOSED = (5, 6, 7)


def document(*tasks: dict[str, Json], **changes: Json) -> dict[str, Json]:
    """A definition with these tasks; `changes` go to its `document` part."""
    return {"document": DOCUMENT | changes, "do": list(tasks)}


class EngineClients:
    """The clients of an Engine, and what tests ask through them."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.channel = connect(address)
        self.definitions = DefinitionServiceStub(self.channel)
        self.executions = ExecutionServiceStub(self.channel)
        self.dead_letters = DeadLetterServiceStub(self.channel)

    async def close(self) -> None:
        """Let go of the connection."""
        await self.channel.close()

    async def publish(self, *tasks: dict[str, Json], **changes: Json) -> definitions.Definition:
        """Publish a definition with these tasks."""
        request = definitions.PublishRequest(document=orjson.dumps(document(*tasks, **changes)))
        return (await self.definitions.Publish(request)).definition

    async def start(self, value: Json = None, **fields: object) -> executions.StartResponse:
        """Start the definition."""
        request = executions.StartRequest(**({"namespace": "shop", "workflow": "cart"} | fields))  # type: ignore[arg-type]
        if value is not None:
            request.input.data = orjson.dumps(value)
        return await self.executions.Start(request)

    async def get(self, started: executions.StartResponse) -> Execution:
        """The execution, once the store has its start."""
        request = executions.ExecutionServiceGetRequest(namespace="shop", execution_id=started.execution_id)
        if started.HasField("position"):
            request.at_least.CopyFrom(started.position)
        return (await self.executions.Get(request)).execution

    async def closed(self, started: executions.StartResponse) -> Execution:
        """The execution, once it has closed."""
        request = executions.WatchRequest(namespace="shop", execution_id=started.execution_id)
        if started.HasField("position"):
            request.at_least.CopyFrom(started.position)
        last = Execution()
        async with asyncio.timeout(20):
            async for response in self.executions.Watch(request):
                last = response.execution
        return last

    async def history(self, execution_id: str) -> list[executions.HistoryEvent]:
        """All events of an execution."""
        events: list[executions.HistoryEvent] = []
        request = executions.GetHistoryRequest(namespace="-", execution_id=execution_id, page_size=3)
        while True:
            response = await self.executions.GetHistory(request)
            events.extend(response.events)
            if not response.next_page_token:
                return events
            request.page_token = response.next_page_token


class EngineBench(EngineClients):
    """An Engine in this process, with its Action service."""

    def __init__(self, engine: Engine, address: str, actions: FakeActions) -> None:
        super().__init__(address)
        self.engine = engine
        self.actions = actions


@asynccontextmanager
async def running_engine(
    data: Path,
    actions: FakeActions | None = None,
    kinds: Kinds = KINDS,
    **settings: Any,  # noqa: ANN401 - those of the dataclass, by name
) -> AsyncIterator[EngineBench]:
    """An Engine on the directory from start to graceful stop."""
    actions = actions or FakeActions()
    server = await serve(actions)
    made = Settings(listen="127.0.0.1:0", data=data, actions=server.address, **settings)
    engine = await build(Environment(settings=made), kinds=kinds)
    address = await engine.start()
    bench = EngineBench(engine, address, actions)
    serving = asyncio.ensure_future(engine.serve())
    try:
        yield bench
    finally:
        engine.ask_to_stop()
        await asyncio.wait_for(serving, 20)
        await bench.close()
        await server.stop(0)


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """The ErrorInfo reason of a failed call."""
    from tidemill.rpc import from_rpc_error

    return from_rpc_error(error).reason_name
