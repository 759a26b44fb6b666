"""Serves tidemill.api.triggers.v1.EventService."""

import grpc

from tidemill.api.triggers.v1 import event_service_pb2 as messages
from tidemill.api.triggers.v1.event_service_pb2_grpc import (
    EventServiceServicer,
    add_EventServiceServicer_to_server,
)
from tidemill.errors import to_item_error
from tidemill.rpc import RpcService
from tidemill.triggers.commands import raw_event
from tidemill.triggers.outcomes import Outcome, Started
from tidemill.triggers.publisher import Publisher
from tidemill.triggers.traces import TRACEPARENT, well_formed

PublishContext = grpc.aio.ServicerContext[messages.PublishEventsRequest, messages.PublishEventsResponse]


class EventService(EventServiceServicer):
    """Translates between messages and the publisher."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def PublishEvents(
        self, request: messages.PublishEventsRequest, context: PublishContext
    ) -> messages.PublishEventsResponse:
        events = [raw_event(message) for message in request.events]
        outcomes = await self._publisher.publish(request.namespace, events, _traceparent(context))
        return messages.PublishEventsResponse(outcomes=map(_outcome_message, outcomes))


def event_rpc_service(servicer: EventService) -> RpcService:
    """The service for the server builder."""
    name = messages.DESCRIPTOR.services_by_name["EventService"].full_name
    return RpcService(name, lambda server: add_EventServiceServicer_to_server(servicer, server))


def _traceparent(context: PublishContext) -> str:
    for key, value in context.invocation_metadata() or ():
        if key == TRACEPARENT and isinstance(value, str):
            return well_formed(value)
    return ""


def _outcome_message(outcome: Outcome) -> messages.EventOutcome:
    executions = map(_started_message, outcome.executions)
    error = None if outcome.error is None else to_item_error(outcome.error)
    return messages.EventOutcome(event_id=outcome.event_id, executions=executions, error=error)


def _started_message(started: Started) -> messages.StartedExecution:
    return messages.StartedExecution(
        execution_id=started.execution_id,
        workflow=started.trigger.condition.workflow,
        version=started.trigger.condition.version_text,
        trigger=started.trigger.alternative.name,
        created=started.created,
    )
