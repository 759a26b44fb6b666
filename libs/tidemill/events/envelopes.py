"""Events in the CloudEvents JSON format, and the digest by which a lane knows them again."""

import hashlib
from typing import Final

from tidemill.api.events.v1.payload_pb2 import CloudEvent
from tidemill.json import Json, loads

SPEC_VERSION: Final = "1.0"
DIGEST_BYTES: Final = 16


def envelope_of(event: CloudEvent) -> dict[str, Json]:
    """The attributes that the event has, and its data. Raises JsonError for data that is no JSON."""
    envelope: dict[str, Json] = {
        "specversion": SPEC_VERSION,
        "id": event.id,
        "source": event.source,
        "type": event.type,
    }
    optional = (
        ("subject", event.subject),
        ("time", event.time),
        ("datacontenttype", event.data_content_type),
        ("dataschema", event.data_schema),
    )
    envelope.update((name, text) for name, text in optional if text)
    envelope.update(event.extensions)
    if event.data:
        envelope["data"] = loads(event.data, field="data")
    return envelope


def event_digest(source: str, event_id: str) -> bytes:
    """16 bytes that stand for an event's source and id."""
    digest = hashlib.sha256()
    for field in (source.encode(), event_id.encode()):
        digest.update(len(field).to_bytes(4, "big"))
        digest.update(field)
    return digest.digest()[:DIGEST_BYTES]
