"""Starts, lanes and events in the words of the contracts."""

from tidemill.api.engine.v1.execution_service_pb2 import HearRequest, StartRequest, SubmitCommand
from tidemill.api.events.v1.command_pb2 import TriggerOrigin
from tidemill.api.events.v1.payload_pb2 import CloudEvent, Payload
from tidemill.triggers.core.conditions import TRIGGER
from tidemill.triggers.core.event import Event, RawEvent
from tidemill.triggers.core.routes import Lane
from tidemill.triggers.core.starts import Start


def start_command(namespace: str, event: Event, start: Start) -> SubmitCommand:
    """The command that starts an execution; its origin is what a repeat of the event is recognised by."""
    condition = start.trigger.condition
    return SubmitCommand(
        start=StartRequest(
            namespace=namespace,
            workflow=condition.workflow,
            version=condition.version_text,
            subject=start.subject,
            input=Payload(data=start.input),
            origin=TriggerOrigin(trigger=TRIGGER, event_source=event.raw.source, event_id=event.raw.id),
        )
    )


def hear_command(namespace: str, event: CloudEvent, lane: Lane) -> SubmitCommand:
    """The command that brings an event to a lane, which recognises a repeat by the event itself."""
    return SubmitCommand(
        hear=HearRequest(namespace=namespace, subject=lane.subject, event_type=lane.event_type, event=event)
    )


def cloud_event(raw: RawEvent) -> CloudEvent:
    """The message of an event."""
    return CloudEvent(
        id=raw.id,
        source=raw.source,
        type=raw.type,
        subject=raw.subject,
        time=raw.time,
        data_content_type=raw.data_content_type,
        data_schema=raw.data_schema,
        data=raw.data,
        extensions=raw.extensions,
    )


def raw_event(message: CloudEvent) -> RawEvent:
    """The event of a message, not checked yet."""
    return RawEvent(
        id=message.id,
        source=message.source,
        type=message.type,
        subject=message.subject,
        time=message.time,
        data_content_type=message.data_content_type,
        data_schema=message.data_schema,
        data=message.data,
        extensions=dict(message.extensions),
    )
