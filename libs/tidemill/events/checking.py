"""What makes an event acceptable: CloudEvents 1.0 with JSON data, within limits."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tidemill.errors import InvalidRequestError, TooLargeError
from tidemill.events.envelopes import EventAttributes
from tidemill.json import NESTING_MAX, Json, loads
from tidemill.lanes import check_identifier

_EXTENSION_NAME: Final = re.compile(r"[a-z0-9]+")
_RESERVED_NAMES: Final = frozenset(
    ("id", "source", "type", "subject", "time", "specversion", "datacontenttype", "dataschema", "data")
)
# RFC 3339, as CloudEvents asks for; which days a month has is the producer's affair.
_TIMESTAMP: Final = re.compile(
    r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)"
    r"(\.[0-9]{1,9})?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)
# Events travel whole, and in arrays: that has to be acceptable JSON too.
_LEVELS_AROUND_DATA: Final = 2
_JSON_TYPE: Final = re.compile(r"(application|text)/(json|[a-z0-9!#$&^_.+-]+\+json)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class EventLimits:
    """How large an event may be."""

    data_bytes_max: int
    attribute_bytes_max: int
    extensions_max: int


def check_event(event: EventAttributes, limits: EventLimits) -> Json:
    """Check an event against CloudEvents 1.0 and the limits; gives its data, parsed, None without any.

    Raises InvalidRequestError for an attribute that is missing or malformed, TooLargeError for one that is
    over its limit, JsonError for data that is no acceptable JSON.
    """
    _check_required(event)
    _check_optional(event, limits)
    if event.extensions:
        _check_extensions(event.extensions, limits)
    return _parse_data(event.data, limits) if event.data else None


def is_json_content_type(content_type: str) -> bool:
    """Whether a media type says JSON; its parameters do not matter, and none at all means JSON."""
    essence = content_type.partition(";")[0].strip()
    return not essence or _JSON_TYPE.fullmatch(essence) is not None


def _check_required(event: EventAttributes) -> None:
    if not (event.id and event.source and event.type):
        missing = next(name for name in ("id", "source", "type") if not getattr(event, name))
        raise InvalidRequestError(missing, f"the event has no {missing}")
    check_identifier("id", event.id)
    check_identifier("source", event.source)
    check_identifier("type", event.type)


def _check_optional(event: EventAttributes, limits: EventLimits) -> None:
    if event.subject:
        check_identifier("subject", event.subject)
    if event.time and _TIMESTAMP.fullmatch(event.time) is None:
        raise InvalidRequestError("time", f"time is not an RFC 3339 timestamp: {event.time[:40]!r}")
    if event.data_schema:
        check_identifier("data_schema", event.data_schema, bytes_max=limits.attribute_bytes_max)
    if event.data_content_type:
        check_identifier("data_content_type", event.data_content_type, bytes_max=limits.attribute_bytes_max)
        if not is_json_content_type(event.data_content_type):
            message = f"the data must be JSON, not {event.data_content_type[:80]!r}"
            raise InvalidRequestError("data_content_type", message)


def _check_extensions(extensions: Mapping[str, str], limits: EventLimits) -> None:
    if len(extensions) > limits.extensions_max:
        raise TooLargeError("extensions_max", limit_value=limits.extensions_max, actual=len(extensions))
    for name, value in extensions.items():
        if _EXTENSION_NAME.fullmatch(name) is None or name in _RESERVED_NAMES:
            raise InvalidRequestError("extensions", f"not a name for an extension: {name[:40]!r}")
        check_identifier("extensions", name)
        check_identifier("extensions", value, bytes_max=limits.attribute_bytes_max)


def _parse_data(data: bytes, limits: EventLimits) -> Json:
    if len(data) > limits.data_bytes_max:
        raise TooLargeError("data_bytes_max", limit_value=limits.data_bytes_max, actual=len(data))
    value = loads(data, field="data")
    if data.count(b"[") + data.count(b"{") > NESTING_MAX - _LEVELS_AROUND_DATA:
        loads(b"[[%b]]" % data, field="data")
    return value
