"""ActionService: what actions there are. Only the engine calls them."""

import grpc

from tidemill.api.actions.v1 import action_service_pb2 as pb
from tidemill.api.actions.v1.action_service_pb2_grpc import ActionServiceStub
from tidemill.client.calls import Caller, all_pages


class Actions:
    """Actions that the service can run. Every method raises TidemillError."""

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._stub = ActionServiceStub(channel)
        self._caller = caller

    async def list(self, namespace: str) -> list[pb.Action]:
        """All actions, by name."""

        async def page(token: str) -> tuple[list[pb.Action], str]:
            request = pb.ListActionsRequest(namespace=namespace, page_token=token)
            answer = await self._caller.call(self._stub.ListActions, request, repeatable=True)
            return [*answer.actions], answer.next_page_token

        return await all_pages(page)
