"""LifecycleService over the subscriptions."""

from collections.abc import AsyncIterator
from typing import TypeAlias

import grpc

from tidemill.api.engine.v1 import lifecycle_service_pb2 as pb
from tidemill.api.engine.v1.lifecycle_service_pb2_grpc import LifecycleServiceServicer
from tidemill.engine.lifecycle.subscriptions import Subscriptions

Context: TypeAlias = "grpc.aio.ServicerContext[object, object]"


class LifecycleApi(LifecycleServiceServicer):
    """Hands requests on."""

    def __init__(self, subscriptions: Subscriptions) -> None:
        self._subscriptions = subscriptions

    async def Subscribe(
        self, request: pb.SubscribeRequest, context: Context
    ) -> AsyncIterator[pb.SubscribeResponse]:
        async for response in self._subscriptions.subscribe(request):
            yield response
