"""An Engine for tests of its clients: the contract's words, kept in memory, with faults on demand."""

import asyncio
from collections.abc import AsyncIterator, Callable

import orjson

from tidemill.api.engine.v1 import definition_service_pb2 as definitions_api
from tidemill.api.engine.v1 import definition_service_pb2_grpc as definitions_grpc
from tidemill.api.engine.v1 import execution_service_pb2 as executions_api
from tidemill.api.engine.v1 import execution_service_pb2_grpc as executions_grpc
from tidemill.api.engine.v1.position_pb2 import Position
from tidemill.errors import TidemillError, to_item_error
from tidemill.events.listens import listens_of
from tidemill.json import Json
from tidemill.lanes import derived_uuid, execution_id, lane_hash, lane_of
from tidemill.rpc import Context, RpcOptions, RpcServer, RpcService, build_server

Refuse = Callable[[executions_api.StartRequest], TidemillError | None]


def definition(document: dict[str, Json], revision: int) -> definitions_api.Definition:
    """A published definition of the document."""
    header = document["document"]
    assert isinstance(header, dict)
    listens = [
        definitions_api.Listen(
            event_type=item.event_type,
            own_lane=item.own_lane,
            correlation_lane=item.correlation_lane,
            ordering_key=item.ordering_key,
        )
        for item in listens_of(document)
    ]
    return definitions_api.Definition(
        namespace=str(header["namespace"]),
        name=str(header["name"]),
        version=str(header["version"]),
        document=orjson.dumps(document),
        revision=revision,
        listens=listens,
    )


class FakeCatalogue(definitions_grpc.DefinitionServiceServicer):
    """Serves WatchDefinitions: the snapshot, changes, and heartbeats while `beating`."""

    def __init__(self) -> None:
        self.definitions: list[definitions_api.Definition] = []
        self.revision = 0
        self.acknowledged: list[int] = []
        self.opened = 0
        self.beating = True
        self.heartbeat_seconds = 0.02
        # Cleared, a stream sends the first definition of its snapshot and holds the rest back.
        self.snapshot_gate = asyncio.Event()
        self.snapshot_gate.set()
        self.broken = asyncio.Event()
        self._news = asyncio.Event()
        self._heard = asyncio.Condition()

    async def publish(self, document: dict[str, Json]) -> int:
        """Add a definition; answers its revision."""
        self.revision += 1
        self.definitions.append(definition(document, self.revision))
        self._news.set()
        self._news = asyncio.Event()
        return self.revision

    async def until_acknowledged(self, revision: int) -> None:
        """Return once a watcher has acknowledged the revision."""
        async with self._heard:
            await self._heard.wait_for(lambda: revision in self.acknowledged)

    def break_streams(self) -> None:
        """End every stream with an error, and take new ones again."""
        self.broken.set()
        self.broken = asyncio.Event()

    async def WatchDefinitions(
        self, request_iterator: AsyncIterator[definitions_api.WatchDefinitionsRequest], context: Context
    ) -> AsyncIterator[definitions_api.WatchDefinitionsResponse]:
        self.opened += 1
        broken = self.broken
        first = await anext(aiter(request_iterator))
        assert (first.namespace, first.acknowledged_revision) == ("-", 0)
        listener = asyncio.create_task(self._listen(request_iterator))
        try:
            sent = 0
            async for message in self._snapshot():
                sent += len(message.definitions)
                yield message
            while not broken.is_set():
                news = self.definitions[sent:]
                sent += len(news)
                if news or self.beating:
                    yield self._message(news)
                await self._wait(broken)
            raise RuntimeError("the stream is broken on purpose")
        finally:
            listener.cancel()

    async def _snapshot(self) -> AsyncIterator[definitions_api.WatchDefinitionsResponse]:
        first, rest = self.definitions[:1], self.definitions[1:]
        if first and not self.snapshot_gate.is_set():
            yield definitions_api.WatchDefinitionsResponse(revision=self.revision, definitions=first)
            await self.snapshot_gate.wait()
            first = []
        await self.snapshot_gate.wait()
        yield self._message([*first, *rest])

    def _message(self, news: list[definitions_api.Definition]) -> definitions_api.WatchDefinitionsResponse:
        return definitions_api.WatchDefinitionsResponse(
            revision=self.revision, definitions=news, snapshot_complete=True
        )

    async def _listen(self, requests: AsyncIterator[definitions_api.WatchDefinitionsRequest]) -> None:
        async for request in requests:
            self.acknowledged.append(request.acknowledged_revision)
            async with self._heard:
                self._heard.notify_all()

    async def _wait(self, broken: asyncio.Event) -> None:
        """Wait for a change, a break, or the time of a heartbeat."""
        waits = [
            asyncio.ensure_future(broken.wait()),
            asyncio.ensure_future(self._news.wait()),
            asyncio.ensure_future(asyncio.sleep(self.heartbeat_seconds)),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


class FakeExecutions(executions_grpc.ExecutionServiceServicer):
    """Serves Submit: a repeated start (same workflow, subject and origin) finds the first execution.

    `heard` are the events for lanes, each in its own request, in order.
    """

    def __init__(self) -> None:
        self.requests: list[executions_api.SubmitRequest] = []
        self.started: dict[str, executions_api.StartRequest] = {}
        self.heard: list[executions_api.HearRequest] = []
        self.metadata: list[dict[str, str | bytes]] = []
        self.error: TidemillError | None = None
        self.refuse: Refuse = lambda start: None
        self.forget_results = False
        self.entered = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def Submit(
        self, request: executions_api.SubmitRequest, context: Context
    ) -> executions_api.SubmitResponse:
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata() or ()))
        self.entered.set()
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        results = [] if self.forget_results else [self._result(item) for item in request.commands]
        return executions_api.SubmitResponse(results=results)

    def _result(self, command: executions_api.SubmitCommand) -> executions_api.SubmitResult:
        if command.HasField("start"):
            return self._start(command.start)
        self.heard.append(command.hear)
        return executions_api.SubmitResult(position=Position(offset=len(self.heard)))

    def _start(self, start: executions_api.StartRequest) -> executions_api.SubmitResult:
        refusal = self.refuse(start)
        if refusal is not None:
            return executions_api.SubmitResult(error=to_item_error(refusal))
        identifier = execution_id_of(start)
        created = identifier not in self.started
        self.started.setdefault(identifier, start)
        return executions_api.SubmitResult(execution_id=identifier, created=created)


def execution_id_of(start: executions_api.StartRequest) -> str:
    """The id of a start by an event: derived, so that a repeat finds it."""
    origin = start.origin
    unique = derived_uuid(
        (
            "event",
            start.namespace,
            start.workflow,
            start.subject,
            origin.trigger,
            origin.event_source,
            origin.event_id,
        )
    )
    return execution_id(lane_hash(lane_of(start.namespace, start.subject, unique)), unique)


class FakeEngine:
    """Both services on one port."""

    def __init__(self) -> None:
        self.catalogue = FakeCatalogue()  # type: ignore[abstract]  # what its clients call is there
        self.executions = FakeExecutions()  # type: ignore[abstract]
        self._server: RpcServer | None = None
        self.address = "127.0.0.1:0"

    async def start(self) -> None:
        """Listen: on any free port the first time, on the same one ever after."""
        self._server = build_server(self.address, self._services(), RpcOptions())
        self.address = self._server.address
        await self._server.start()

    async def stop(self) -> None:
        """Go away at once."""
        if self._server is not None:
            await self._server.stop(0)
            self._server = None

    def _services(self) -> list[RpcService]:
        return [
            RpcService(
                "tidemill.api.engine.v1.DefinitionService",
                lambda server: definitions_grpc.add_DefinitionServiceServicer_to_server(
                    self.catalogue, server
                ),
            ),
            RpcService(
                "tidemill.api.engine.v1.ExecutionService",
                lambda server: executions_grpc.add_ExecutionServiceServicer_to_server(
                    self.executions, server
                ),
            ),
        ]
