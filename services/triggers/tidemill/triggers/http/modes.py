"""The three content modes of the CloudEvents HTTP binding (binary, structured, batch), read to raw events.

The official package knows the rules of the binding: headers, percent encoding, names and types of
attributes, versions. JSON is read by our own reader, so that an event means the same as by gRPC.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Final
from urllib.parse import unquote

from cloudevents.core.base import BaseCloudEvent, EventFactory
from cloudevents.core.bindings.http import CE_PREFIX, HTTPMessage, from_binary, from_structured
from cloudevents.core.exceptions import BaseCloudEventException, CloudEventValidationError
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from dateutil.parser import isoparse

from tidemill.errors import InvalidRequestError, TidemillError
from tidemill.events.checking import is_json_content_type
from tidemill.events.envelopes import attribute_text
from tidemill.json import Json, JsonError, dumps, loads
from tidemill.triggers.core.event import RawEvent
from tidemill.triggers.http.problem import RefusedRequestError

_EVENT: Final = "event"
_REQUIRED: Final = ("specversion", "id", "source", "type")
_NOT_EXTENSIONS: Final = frozenset((*_REQUIRED, "subject", "time", "datacontenttype", "dataschema"))
_UNSUPPORTED_MEDIA_TYPE: Final = 415


class Mode(StrEnum):
    """How a request carries events, named by the media type where one says it."""

    STRUCTURED = "application/cloudevents+json"
    BATCH = "application/cloudevents-batch+json"
    BINARY = "binary"


def mode_of(headers: Mapping[str, str]) -> Mode:
    """The mode of a request, from its headers with names in lower case; raises RefusedRequestError (415)."""
    essence = headers.get("content-type", "").partition(";")[0].strip().lower()
    if essence in (Mode.STRUCTURED, Mode.BATCH):
        return Mode(essence)
    if essence.startswith("application/cloudevents"):
        raise RefusedRequestError(
            _UNSUPPORTED_MEDIA_TYPE, f"{essence} is not supported: send CloudEvents as JSON"
        )
    if not any(name.startswith(CE_PREFIX) for name in headers):
        message = f"send {Mode.STRUCTURED}, {Mode.BATCH}, or an event in ce- headers with JSON as the body"
        raise RefusedRequestError(_UNSUPPORTED_MEDIA_TYPE, message)
    if not is_json_content_type(essence):
        raise RefusedRequestError(_UNSUPPORTED_MEDIA_TYPE, f"the data must be JSON, not {essence}")
    return Mode.BINARY


def read_binary(headers: Mapping[str, str], body: bytes) -> RawEvent:
    """The event of a binary request; raises TidemillError for what is no CloudEvent."""
    with _refusals():
        event = from_binary(HTTPMessage(dict(headers), body), _FORMAT, StrictEvent)
    return _raw_event(event, unquote(headers.get("ce-time", "")))


def read_structured(headers: Mapping[str, str], body: bytes) -> RawEvent:
    """The event of a structured request; raises TidemillError for what is no CloudEvent."""
    with _refusals():
        event = from_structured(HTTPMessage(dict(headers), body), _FORMAT, StrictEvent)
    return _raw_event(event, event.time_text if isinstance(event, StrictEvent) else "")


def read_batch(body: bytes) -> list[RawEvent | TidemillError]:
    """The events of a batch, each read or refused by itself; raises JsonError when it is no JSON array."""
    values = loads(body, field=_EVENT)
    if not isinstance(values, list):
        raise JsonError("a batch is an array of events", field=_EVENT)
    return [_read_item(value) for value in values]


class StrictEvent(CloudEvent):
    """An event that brings all that it must have: the package would make up an id, a version and a time.

    `time_text` is the time as it was written, where the attributes came with text.
    """

    def __init__(self, attributes: dict[str, Any], data: dict[str, Any] | str | bytes | None = None) -> None:
        for name in _REQUIRED:
            if not attributes.get(name):
                raise InvalidRequestError(name, f"the event has no {name}")
        time = attributes.get("time")
        self.time_text = time if isinstance(time, str) else ""
        if self.time_text:
            attributes["time"] = isoparse(self.time_text)
        super().__init__(attributes, data)
        if time is None:
            del attributes["time"]


class ExactJsonFormat(JSONFormat):
    """The JSON format read with exact numbers and our refusals; data stays bytes."""

    def read(self, event_factory: EventFactory | None, data: str | bytes) -> BaseCloudEvent:
        return _structured_event(loads(data, field=_EVENT))

    def read_data(self, body: bytes, datacontenttype: str | None) -> bytes | None:
        return body or None


_FORMAT: Final = ExactJsonFormat()


def _read_item(value: Json) -> RawEvent | TidemillError:
    try:
        with _refusals():
            event = _structured_event(value)
        return _raw_event(event, event.time_text)
    except TidemillError as error:
        return error


def _structured_event(value: Json) -> StrictEvent:
    """The event of its JSON form: members are attributes, but for `data` and `data_base64`."""
    if not isinstance(value, dict):
        raise JsonError("an event is an object", field=_EVENT)
    # In the JSON format null means absent.
    attributes: dict[str, Any] = {name: item for name, item in value.items() if item is not None}
    return StrictEvent(attributes, _take_data(attributes))


def _take_data(attributes: dict[str, Any]) -> bytes | None:
    data = attributes.pop("data", None)
    encoded = attributes.pop("data_base64", None)
    if encoded is None:
        return None if data is None else dumps(data, field="data")
    if data is not None or not isinstance(encoded, str):
        raise InvalidRequestError("data_base64", "data_base64 is text, and stands in place of data")
    return base64.b64decode(encoded, validate=True)


def _raw_event(event: BaseCloudEvent, time_text: str) -> RawEvent:
    data = event.get_data()
    attributes = event.get_attributes()
    return RawEvent(
        id=event.get_id(),
        source=event.get_source(),
        type=event.get_type(),
        subject=event.get_subject() or "",
        time=time_text,
        data_content_type=event.get_datacontenttype() or "",
        data_schema=event.get_dataschema() or "",
        data=data if isinstance(data, bytes) else b"",
        extensions={
            name: _extension_text(name, value)
            for name, value in attributes.items()
            if name not in _NOT_EXTENSIONS
        },
    )


def _extension_text(name: str, value: Json) -> str:
    text = attribute_text(value)
    if not isinstance(text, str):
        raise InvalidRequestError("extensions", f"the extension {name[:40]} is no text, number or boolean")
    return text


@contextmanager
def _refusals() -> Iterator[None]:
    """Say what the package found wrong as one of our errors."""
    try:
        yield
    except CloudEventValidationError as error:
        field, found = next(iter(error.errors.items()))
        raise InvalidRequestError(field, str(found[0])) from None
    except (BaseCloudEventException, binascii.Error, ValueError) as error:
        raise InvalidRequestError(_EVENT, f"not a CloudEvent: {error}") from None
