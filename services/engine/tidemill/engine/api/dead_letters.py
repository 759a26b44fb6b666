"""DeadLetterService: what could not be applied, and its second chance."""

import asyncio
from typing import TypeAlias

import grpc

from tidemill.api.engine.v1 import dead_letter_service_pb2 as pb
from tidemill.api.engine.v1.dead_letter_service_pb2_grpc import DeadLetterServiceServicer
from tidemill.engine.api import messages
from tidemill.engine.api.reads import Reads
from tidemill.engine.runtime.ingress import Ingress
from tidemill.engine.runtime.items import HISTORY_KIND
from tidemill.engine.settings import Settings
from tidemill.engine.store.port import ReadStore
from tidemill.engine.store.rows import DeadLetterRow
from tidemill.namespaces import ANY_NAMESPACE
from tidemill.paging import PageLimits, decode_token, encode_token

Context: TypeAlias = "grpc.aio.ServicerContext[object, object]"


class DeadLetterApi(DeadLetterServiceServicer):
    """Translates requests."""

    def __init__(self, store: ReadStore, ingress: Ingress, reads: Reads, settings: Settings) -> None:
        self._store = store
        self._ingress = ingress
        self._reads = reads
        self._pages = PageLimits(settings.page_size_default, settings.page_size_max)

    async def List(
        self, request: pb.DeadLetterServiceListRequest, context: Context
    ) -> pb.DeadLetterServiceListResponse:
        size = self._pages.size(request.page_size)
        place = decode_token(request.page_token, int)
        namespace = "" if request.namespace == ANY_NAMESPACE else request.namespace
        rows = await self._store.dead_letters(namespace, int(str(place[0])) if place else 0, size + 1)
        token = encode_token(rows[size - 1].number) if len(rows) > size else ""
        return pb.DeadLetterServiceListResponse(
            dead_letters=map(messages.dead_letter, rows[:size]), next_page_token=token
        )

    async def Redrive(self, request: pb.RedriveRequest, context: Context) -> pb.RedriveResponse:
        rows = [row for number in request.ids if (row := await self._find(request.namespace, number))]
        wanted = [row for row in rows if row.kind != HISTORY_KIND]
        accepted = await self._ingress.accept([self._ingress.prepare_redrive(row) for row in wanted])
        remaining = context.time_remaining()
        await asyncio.gather(*(self._reads.settled(each, remaining) for each in accepted))
        return pb.RedriveResponse(ids=[row.number for row in wanted])

    async def _find(self, namespace: str, number: int) -> DeadLetterRow | None:
        rows = await self._store.dead_letters("" if namespace == ANY_NAMESPACE else namespace, number - 1, 1)
        return rows[0] if rows and rows[0].number == number else None
