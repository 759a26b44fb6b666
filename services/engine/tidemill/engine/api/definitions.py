"""DefinitionService over the catalogue."""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeAlias

import grpc

from tidemill import dsl
from tidemill.api.engine.v1 import definition_service_pb2 as pb
from tidemill.api.engine.v1.definition_service_pb2_grpc import DefinitionServiceServicer
from tidemill.engine.api import messages
from tidemill.engine.catalogue import Catalogue, Watcher
from tidemill.engine.runtime.schedules import Schedules
from tidemill.engine.settings import Settings
from tidemill.engine.store.rows import DefinitionRow
from tidemill.lanes import check_identifier
from tidemill.namespaces import ANY_NAMESPACE
from tidemill.paging import PageLimits, decode_token, encode_token

DOCUMENTS_A_MESSAGE_MAX = 100
Context: TypeAlias = "grpc.aio.ServicerContext[object, object]"


class DefinitionApi(DefinitionServiceServicer):
    """Translates requests for the catalogue."""

    def __init__(self, catalogue: Catalogue, schedules: Schedules, settings: Settings) -> None:
        self._catalogue = catalogue
        self._schedules = schedules
        self._settings = settings
        self._pages = PageLimits(settings.page_size_default, settings.page_size_max)

    async def Validate(self, request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        try:
            loaded, problems = self._catalogue.examine(request.namespace, request.document)
        except dsl.DocumentError as error:
            return pb.ValidateResponse(problems=messages.problems(error.problems))
        if not any(problem.severity == "error" for problem in problems):
            problems = [*problems, *dsl.unsupported(loaded)]
        return pb.ValidateResponse(problems=messages.problems(problems))

    async def Publish(self, request: pb.PublishRequest, context: Context) -> pb.PublishResponse:
        check_identifier("request_id", request.request_id)
        row, created, warnings = await self._catalogue.publish(request.namespace, request.document)
        await self._schedules.settle(row.namespace, row.name)
        return pb.PublishResponse(
            definition=self._message(row), created=created, warnings=messages.problems(warnings)
        )

    async def Get(self, request: pb.GetRequest, context: Context) -> pb.GetResponse:
        row = self._catalogue.get(request.namespace, request.name, request.version)
        return pb.GetResponse(definition=self._message(row))

    async def List(self, request: pb.ListRequest, context: Context) -> pb.ListResponse:
        size = self._pages.size(request.page_size)
        place = decode_token(request.page_token, str, str, str)
        rows = sorted(
            (row for row in self._catalogue.rows() if _wanted(row, request.namespace, request.name)), key=_key
        )
        if place is not None:
            rows = [row for row in rows if _key(row) > tuple(map(str, place))]
        page = rows[:size]
        token = encode_token(*_key(page[-1])) if len(rows) > size else ""
        return pb.ListResponse(
            definitions=[self._message(row, with_document=False) for row in page], next_page_token=token
        )

    async def WatchDefinitions(
        self, request_iterator: AsyncIterator[pb.WatchDefinitionsRequest], context: Context
    ) -> AsyncIterator[pb.WatchDefinitionsResponse]:
        first = await anext(request_iterator)
        watcher = self._catalogue.watch(first.watcher)
        acknowledging = asyncio.ensure_future(self._acknowledge(watcher, request_iterator))
        try:
            async for response in self._changes(watcher, first.namespace or ANY_NAMESPACE):
                yield response
        finally:
            acknowledging.cancel()
            self._catalogue.unwatch(watcher)

    async def _acknowledge(
        self, watcher: Watcher, requests: AsyncIterator[pb.WatchDefinitionsRequest]
    ) -> None:
        async for request in requests:
            self._catalogue.acknowledge(watcher, request.acknowledged_revision)

    async def _changes(self, watcher: Watcher, namespace: str) -> AsyncIterator[pb.WatchDefinitionsResponse]:
        """The snapshot, then each change; a heartbeat when nothing changes."""
        sent = 0
        complete = False
        while not self._catalogue.closed:
            watcher.wake.clear()
            rows = [row for row in self._catalogue.rows(sent) if _wanted(row, namespace, "")]
            revision = self._catalogue.revision
            while len(rows) > DOCUMENTS_A_MESSAGE_MAX:
                part, rows = rows[:DOCUMENTS_A_MESSAGE_MAX], rows[DOCUMENTS_A_MESSAGE_MAX:]
                yield self._change(part, part[-1].revision, complete=complete)
            complete = True
            yield self._change(rows, revision, complete=True)
            sent = revision
            await self._change_or_heartbeat(watcher)

    async def _change_or_heartbeat(self, watcher: Watcher) -> None:
        try:
            async with asyncio.timeout(self._settings.catalogue_heartbeat_us / 1_000_000):
                await watcher.wake.wait()
        except TimeoutError:
            return

    def _change(
        self, rows: list[DefinitionRow], revision: int, *, complete: bool
    ) -> pb.WatchDefinitionsResponse:
        return pb.WatchDefinitionsResponse(
            revision=revision, definitions=map(self._message, rows), snapshot_complete=complete
        )

    def _message(self, row: DefinitionRow, *, with_document: bool = True) -> pb.Definition:
        return messages.definition(row, latest=self._catalogue.is_latest(row), with_document=with_document)


def _key(row: DefinitionRow) -> tuple[str, str, str]:
    return (row.namespace, row.name, row.version)


def _wanted(row: DefinitionRow, namespace: str, name: str) -> bool:
    return namespace in (ANY_NAMESPACE, row.namespace) and name in ("", row.name)
