"""NamespaceService: how long each namespace keeps what has ended."""

from collections.abc import Sequence

import grpc

from tidemill.api.engine.v1 import namespace_service_pb2 as pb
from tidemill.api.engine.v1.namespace_service_pb2_grpc import NamespaceServiceStub
from tidemill.client.calls import Caller, all_pages
from tidemill.unique import fresh_uuid


class Namespaces:
    """Terms of namespaces. Every method raises TidemillError."""

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._stub = NamespaceServiceStub(channel)
        self._caller = caller

    async def update(self, namespace: pb.Namespace, paths: Sequence[str]) -> pb.Namespace:
        """Change the terms at these paths; those that are absent go back to the default."""
        request = pb.NamespaceServiceUpdateRequest(namespace=namespace, request_id=fresh_uuid())
        request.update_mask.paths.extend(paths)
        return (await self._caller.call(self._stub.Update, request, repeatable=True)).namespace

    async def get(self, name: str) -> pb.Namespace:
        """One namespace, also where it has no terms of its own."""
        request = pb.NamespaceServiceGetRequest(name=name)
        return (await self._caller.call(self._stub.Get, request, repeatable=True)).namespace

    async def list(self) -> list[pb.Namespace]:
        """The namespaces that have terms of their own, by name."""

        async def page(token: str) -> tuple[list[pb.Namespace], str]:
            request = pb.NamespaceServiceListRequest(page_token=token)
            answer = await self._caller.call(self._stub.List, request, repeatable=True)
            return [*answer.namespaces], answer.next_page_token

        return await all_pages(page)
