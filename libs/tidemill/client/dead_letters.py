"""DeadLetterService: what the engine could not apply."""

from collections.abc import Sequence

import grpc

from tidemill.api.engine.v1 import dead_letter_service_pb2 as pb
from tidemill.api.engine.v1.dead_letter_service_pb2_grpc import DeadLetterServiceStub
from tidemill.api.events.v1.stored_pb2 import DeadLetter
from tidemill.client.calls import Caller, all_pages
from tidemill.namespaces import ANY_NAMESPACE
from tidemill.unique import fresh_uuid


class DeadLetters:
    """Commands that could not be applied. Every method raises TidemillError."""

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._stub = DeadLetterServiceStub(channel)
        self._caller = caller

    async def redrive(self, ids: Sequence[int], *, namespace: str = ANY_NAMESPACE) -> list[int]:
        """Take dead letters up again; the numbers that were found."""
        request = pb.RedriveRequest(namespace=namespace, ids=ids, request_id=fresh_uuid())
        return list((await self._caller.call(self._stub.Redrive, request, repeatable=True)).ids)

    async def list(self, namespace: str = ANY_NAMESPACE) -> list[DeadLetter]:
        """All dead letters, oldest first."""

        async def page(token: str) -> tuple[list[DeadLetter], str]:
            request = pb.DeadLetterServiceListRequest(namespace=namespace, page_token=token)
            answer = await self._caller.call(self._stub.List, request, repeatable=True)
            return [*answer.dead_letters], answer.next_page_token

        return await all_pages(page)
