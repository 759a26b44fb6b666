"""The Triggers service and a fake Engine, over real sockets, for tests of the service's contract."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import httpx
import pytest

from tests.contract.fake_engine import FakeEngine
from tests.unit.triggers.parts import metric
from tidemill.api.events.v1.payload_pb2 import CloudEvent
from tidemill.api.triggers.v1 import event_service_pb2 as events_api
from tidemill.api.triggers.v1 import event_service_pb2_grpc as events_grpc
from tidemill.api.triggers.v1 import trigger_service_pb2_grpc as triggers_grpc
from tidemill.errors import TidemillError
from tidemill.rpc import connect, from_rpc_error
from tidemill.telemetry.metrics import Metrics
from tidemill.triggers.app import Surroundings, build
from tidemill.triggers.settings import Settings


def lead(number: object = 1, **attributes: Any) -> CloudEvent:  # noqa: ANN401 - whatever a CloudEvent has
    """An event of the type `lead.created`, unless another is given."""
    return CloudEvent(**{"id": str(number), "source": "/forms", "type": "lead.created", **attributes})


class Stack:
    """The service and a fake Engine, running, with a client of each door."""

    def __init__(self, engine: FakeEngine, settings: Settings) -> None:
        self.engine = engine
        self.metrics = Metrics()
        self.triggers = build(settings, Surroundings(metrics=self.metrics))
        self._task = asyncio.create_task(self.triggers.run())
        self.channel = connect(self.triggers.address)
        self.events = events_grpc.EventServiceStub(self.channel)
        self.listing = triggers_grpc.TriggerServiceStub(self.channel)
        self.web = httpx.AsyncClient(base_url=f"http://{self.triggers.http_address}")

    async def publish(self, *events: CloudEvent, **options: Any) -> list[events_api.EventOutcome]:  # noqa: ANN401
        """Publish events in the namespace `crm`."""
        request = events_api.PublishEventsRequest(namespace="crm", events=events)
        answer = await self.events.PublishEvents(request, timeout=10, **options)
        return list(answer.outcomes)

    async def put_in_force(self, *documents: dict[str, Any]) -> None:
        """Publish definitions, and return once the service has each in force."""
        for item in documents:
            await self.engine.catalogue.until_acknowledged(await self.engine.catalogue.publish(item))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Look again until it holds; the test's own time limit ends the wait."""
        while not condition():  # noqa: ASYNC110 - what is looked at knows nothing of tests
            await asyncio.sleep(0.005)

    async def until_queued(self, starts: int) -> None:
        """Return once so many starts wait for the Engine."""
        await self.until(lambda: metric(self.metrics, "tidemill_triggers_queued_commands") == starts)

    async def until_refused(self) -> TidemillError:
        """Publish until the service refuses."""
        while True:
            try:
                await self.publish(lead("other", type="other"))
            except grpc.aio.AioRpcError as error:
                return from_rpc_error(error)
            await asyncio.sleep(0.005)

    async def until_taken(self) -> None:
        """Publish until the service takes events again."""
        while True:
            try:
                await self.publish(lead("other", type="other"))
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.005)
            else:
                return

    def ask_to_stop(self) -> asyncio.Task[None]:
        """Begin a graceful stop; the task ends with it."""
        self.triggers.supervisor.ask()
        return self._task

    async def close(self) -> None:
        """Stop everything."""
        await self.web.aclose()
        await self.ask_to_stop()
        await self.channel.close()
        await self.engine.stop()


def settings_for(engine: FakeEngine, **limits: int) -> Settings:
    """Settings for a service of this Engine, on free ports."""
    return Settings(
        engine=engine.address,
        listen="127.0.0.1:0",
        http_listen="127.0.0.1:0",
        engine_reconnect_ms_max=100,
        loop_backoff_us_max=50_000,
        page_size_default=2,
        **limits,  # type: ignore[arg-type]
    )


async def error_of(call: Any) -> TidemillError:  # noqa: ANN401 - any call
    """The error that a call ends with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return from_rpc_error(caught.value)
