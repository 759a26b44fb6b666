"""Lifecycle events in the two forms in which they leave: the CloudEvents JSON format, and the message."""

from typing import Final

from tidemill.api.events.v1.payload_pb2 import CloudEvent
from tidemill.engine.lifecycle.projection import LifecycleEvent
from tidemill.json import Json, dumps

JSON_TYPE: Final = "application/json"
BATCH_TYPE: Final = "application/cloudevents-batch+json"
# The specification's data does not say what an execution is about, which is what receivers ask first.
LANE_SUBJECT: Final = "lanesubject"


def json_of(event: LifecycleEvent) -> bytes:
    """The CloudEvents JSON format."""
    envelope: dict[str, Json] = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": event.time,
        "datacontenttype": JSON_TYPE,
    }
    if event.lane_subject:
        envelope[LANE_SUBJECT] = event.lane_subject
    return dumps({**envelope, "data": dict(event.data)})


def message_of(event: LifecycleEvent) -> CloudEvent:
    """The message of the API."""
    return CloudEvent(
        id=event.id,
        source=event.source,
        type=event.type,
        subject=event.subject,
        time=event.time,
        data_content_type=JSON_TYPE,
        data=dumps(dict(event.data)),
        extensions={LANE_SUBJECT: event.lane_subject} if event.lane_subject else {},
    )
