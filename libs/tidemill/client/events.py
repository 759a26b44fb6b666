"""The Triggers services: publish events, and see what listens to them."""

from collections.abc import Sequence

import grpc

from tidemill.api.events.v1.payload_pb2 import CloudEvent
from tidemill.api.triggers.v1 import event_service_pb2, trigger_service_pb2
from tidemill.api.triggers.v1.event_service_pb2_grpc import EventServiceStub
from tidemill.api.triggers.v1.trigger_service_pb2_grpc import TriggerServiceStub
from tidemill.client.calls import Caller, all_pages
from tidemill.unique import fresh_uuid


class Events:
    """Events from outside. Every method raises TidemillError."""

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._stub = EventServiceStub(channel)
        self._caller = caller

    async def publish(
        self, namespace: str, events: Sequence[CloudEvent], *, seconds: float | None = None
    ) -> list[event_service_pb2.EventOutcome]:
        """Hand over a batch; one outcome an event, in order. A refused event is in its outcome, not raised.

        Sent again when Triggers went away: a repeated event (source and id) starts nothing twice.
        """
        request = event_service_pb2.PublishEventsRequest(
            namespace=namespace, events=events, request_id=fresh_uuid()
        )
        method = self._stub.PublishEvents
        answer = await self._caller.call(method, request, repeatable=True, seconds=seconds)
        return list(answer.outcomes)


class Triggers:
    """Start conditions in force. Every method raises TidemillError."""

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._stub = TriggerServiceStub(channel)
        self._caller = caller

    async def list(self, namespace: str, *, workflow: str = "") -> list[trigger_service_pb2.Trigger]:
        """All triggers of a namespace ("-" for every namespace), or of one workflow."""

        async def page(token: str) -> tuple[list[trigger_service_pb2.Trigger], str]:
            request = trigger_service_pb2.ListRequest(
                namespace=namespace, workflow=workflow, page_token=token
            )
            answer = await self._caller.call(self._stub.List, request, repeatable=True)
            return [*answer.triggers], answer.next_page_token

        return await all_pages(page)
