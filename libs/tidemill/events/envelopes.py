"""Events as JSON, in the CloudEvents JSON format, and what a repeat of an event is recognised by."""

import hashlib
from collections.abc import Mapping
from typing import Final, Protocol

from tidemill.api.events.v1 import payload_pb2 as pb
from tidemill.json import Json, loads

SPEC_VERSION: Final = "1.0"
DIGEST_BYTES: Final = 16
_LENGTH_BYTES: Final = 4


class EventAttributes(Protocol):
    """An event as it travels, such as the contract's CloudEvent; what is empty is absent."""

    @property
    def id(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def time(self) -> str: ...
    @property
    def data_content_type(self) -> str: ...
    @property
    def data_schema(self) -> str: ...
    @property
    def data(self) -> bytes: ...
    @property
    def extensions(self) -> Mapping[str, str]: ...


def envelope_of(cloud_event: pb.CloudEvent) -> dict[str, Json]:
    """The event in the CloudEvents JSON format. Raises JsonError for data that is no acceptable JSON."""
    return envelope_with(cloud_event, loads(cloud_event.data, field="data") if cloud_event.data else None)


def envelope_with(event: EventAttributes, value: Json) -> dict[str, Json]:
    """The event in the CloudEvents JSON format: the attributes that it has, and its data, parsed before."""
    envelope: dict[str, Json] = {
        "specversion": SPEC_VERSION,
        "id": event.id,
        "source": event.source,
        "type": event.type,
    }
    if event.subject:
        envelope["subject"] = event.subject
    if event.time:
        envelope["time"] = event.time
    if event.data_content_type:
        envelope["datacontenttype"] = event.data_content_type
    if event.data_schema:
        envelope["dataschema"] = event.data_schema
    if event.extensions:
        # A message keeps them in no order, and equal events are to give equal bytes.
        envelope.update(sorted(event.extensions.items()))
    if event.data:
        envelope["data"] = value
    return envelope


def attribute_text(value: Json) -> Json:
    """An attribute as CloudEvents writes it, as text; what is no number or boolean comes back as it is."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case _:
            return value


def event_digest(source: str, event_id: str) -> bytes:
    """What tells an event from all others: 16 bytes of SHA-256 over source and id, each with its length."""
    digest = hashlib.sha256()
    for text in (source, event_id):
        encoded = text.encode()
        digest.update(len(encoded).to_bytes(_LENGTH_BYTES, "big"))
        digest.update(encoded)
    return digest.digest()[:DIGEST_BYTES]
