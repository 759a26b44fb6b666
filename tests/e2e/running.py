"""A whole stack with its clients, for tests that are no coroutines: documents in, reports out."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import orjson
import pytest

from tidemill.api.engine.v1 import definition_service_pb2 as definitions
from tidemill.api.engine.v1 import execution_service_pb2 as executions
from tidemill.api.events.v1.payload_pb2 import Payload
from tidemill.client.calls import Patience
from tidemill.client.client import Client
from tidemill.json import Json
from tidemill.stack.clients import client_of
from tidemill.stack.layout import Layout, Ports, ServiceName
from tidemill.stack.stack import Stack, StackError

T = TypeVar("T")

START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 60.0
RUN_SECONDS_MAX = 50.0
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Report:
    """What became of an execution."""

    execution_id: str
    phase: str
    output: Any
    error: Any
    tasks: list[dict[str, Any]]

    @property
    def runs(self) -> list[tuple[str, str]]:
        """Name and phase of each run of each task, in start order."""
        return [(task["name"], task["phase"]) for task in self.tasks]

    @property
    def names(self) -> list[str]:
        """The name of each run of each task, in start order."""
        return [task["name"] for task in self.tasks]


class RunningStack:
    """Three processes on free ports with data in a directory; use it inside `with`."""

    def __init__(self, data: Path, **settings: str) -> None:
        self.stack = Stack(Layout(data=data, ports=Ports.free(), settings=settings))
        self.client: Client = cast("Client", None)
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        try:
            self._runner.run(self._start())
        except BaseException:
            self._runner.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.wait(self._stop(), seconds=STOP_SECONDS_MAX)
        finally:
            self._runner.close()

    async def _start(self) -> None:
        try:
            await self.stack.start(seconds=START_SECONDS_MAX)
        except StackError as error:
            pytest.fail("\n".join([str(error), *error.log]))
        self.client = client_of(self.stack.layout, patience=Patience(away_seconds=30))

    async def _stop(self) -> None:
        await self.client.close()
        await self.stack.stop()

    def wait(self, work: Coroutine[Any, Any, T], *, seconds: float = RUN_SECONDS_MAX) -> T:
        """The result of the work; raises TimeoutError."""
        return self._runner.run(asyncio.wait_for(work, seconds))

    def until(self, holds: Callable[[], bool]) -> None:
        """Return once the condition holds; fails when it does not come to hold in time."""
        deadline = time.monotonic() + RUN_SECONDS_MAX
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(POLL_SECONDS)

    def restart(self, name: ServiceName, **settings: str) -> None:
        """Kill a service and start it again, with other settings beside those that it had."""
        layout = self.stack.layout
        self.stack.layout = replace(layout, settings={**layout.settings, **settings})
        self.wait(self.stack.kill(name))
        self.wait(self.stack.restart(name))

    def publish(self, document: str) -> definitions.Definition:
        """Publish a document; raises TidemillError."""
        return self.wait(self.client.definitions.publish(document.encode())).definition

    def start(
        self, definition: definitions.Definition, value: Json = None, *, subject: str = ""
    ) -> executions.StartResponse:
        """Start a definition; without a value there is no input."""
        request = executions.StartRequest(
            namespace=definition.namespace,
            workflow=definition.name,
            version=definition.version,
            subject=subject,
            input=None if value is None else Payload(data=orjson.dumps(value)),
        )
        return self.wait(self.client.executions.start(request))

    def run(self, document: str, value: Json = None, *, subject: str = "") -> Report:
        """Publish a document, start it and wait for its end."""
        return self.closed(self.start(self.publish(document), value, subject=subject))

    def closed(self, started: executions.StartResponse) -> Report:
        """The report of an execution, once it has closed."""
        self.wait(self.client.executions.wait_ended(started))
        return self.report(started.execution_id)

    def report(self, execution_id: str) -> Report:
        """The report of an execution as it is now."""
        report = cast("dict[str, Any]", self.wait(self.client.report(execution_id)))
        return Report(**{field.name: report[field.name] for field in fields(Report)})
