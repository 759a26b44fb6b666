"""Serves tidemill.api.triggers.v1.TriggerService."""

import grpc

from tidemill.api.triggers.v1 import trigger_service_pb2 as messages
from tidemill.api.triggers.v1.trigger_service_pb2_grpc import (
    TriggerServiceServicer,
    add_TriggerServiceServicer_to_server,
)
from tidemill.paging import PageLimits
from tidemill.rpc import RpcService
from tidemill.triggers.catalogue import Catalogue
from tidemill.triggers.core.index import Trigger
from tidemill.triggers.listing import PageRequest, list_triggers

ListContext = grpc.aio.ServicerContext[messages.ListRequest, messages.ListResponse]


class TriggerService(TriggerServiceServicer):
    """Shows the catalogue's index."""

    def __init__(self, catalogue: Catalogue, limits: PageLimits) -> None:
        self._catalogue = catalogue
        self._limits = limits

    async def List(self, request: messages.ListRequest, context: ListContext) -> messages.ListResponse:
        wanted = PageRequest(request.namespace, request.workflow, request.page_size, request.page_token)
        page, next_page_token = list_triggers(self._catalogue.index(), wanted, self._limits)
        return messages.ListResponse(triggers=map(_message, page), next_page_token=next_page_token)


def trigger_rpc_service(servicer: TriggerService) -> RpcService:
    """The service for the server builder."""
    name = messages.DESCRIPTOR.services_by_name["TriggerService"].full_name
    return RpcService(name, lambda server: add_TriggerServiceServicer_to_server(servicer, server))


def _message(trigger: Trigger) -> messages.Trigger:
    namespace, workflow, name = trigger.key
    message = messages.Trigger(
        namespace=namespace,
        workflow=workflow,
        version=trigger.condition.version_text,
        name=name,
        event_type=trigger.alternative.filter.event_type,
        matches=trigger.matches,
    )
    message.listening_since.FromMicroseconds(trigger.listening_since_us)
    if trigger.matches:
        message.last_match_at.FromMicroseconds(trigger.last_match_us)
    return message
