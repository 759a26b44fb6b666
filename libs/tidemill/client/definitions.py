"""DefinitionService: validate, publish and find workflow definitions."""

import grpc

from tidemill.api.engine.v1 import definition_service_pb2 as pb
from tidemill.api.engine.v1.definition_service_pb2_grpc import DefinitionServiceStub
from tidemill.client.calls import Caller, all_pages
from tidemill.unique import fresh_uuid


class Definitions:
    """Workflow definitions. Every method raises TidemillError."""

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._stub = DefinitionServiceStub(channel)
        self._caller = caller

    async def validate(self, document: bytes, *, namespace: str = "") -> list[pb.DocumentProblem]:
        """All that is wrong with a document, in its order."""
        request = pb.ValidateRequest(namespace=namespace, document=document)
        answer = await self._caller.call(self._stub.Validate, request, repeatable=True)
        return list(answer.problems)

    async def publish(self, document: bytes, *, request_id: str = "") -> pb.PublishResponse:
        """Store a new version; a repeat with the same content answers as the first did."""
        request = pb.PublishRequest(document=document, request_id=request_id or fresh_uuid())
        return await self._caller.call(self._stub.Publish, request, repeatable=True)

    async def get(self, namespace: str, name: str, version: str = "") -> pb.Definition:
        """One version, or the latest."""
        request = pb.GetRequest(namespace=namespace, name=name, version=version)
        return (await self._caller.call(self._stub.Get, request, repeatable=True)).definition

    async def list(self, namespace: str, *, name: str = "", page_size: int = 0) -> list[pb.Definition]:
        """All versions in a namespace ("-" for every namespace), or of one workflow; without documents."""

        async def page(token: str) -> tuple[list[pb.Definition], str]:
            request = pb.ListRequest(namespace=namespace, name=name, page_size=page_size, page_token=token)
            answer = await self._caller.call(self._stub.List, request, repeatable=True)
            return [*answer.definitions], answer.next_page_token

        return await all_pages(page)
