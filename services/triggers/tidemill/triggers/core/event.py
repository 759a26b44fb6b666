"""An event that came in: its attributes, its data, and what makes it acceptable."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tidemill.errors import InvalidRequestError, TooLargeError
from tidemill.json import Json, loads
from tidemill.lanes import check_identifier

SPEC_VERSION: Final = "1.0"
_EXTENSION_NAME: Final = re.compile(r"[a-z0-9]+")
_RESERVED_NAMES: Final = frozenset(
    ("id", "source", "type", "subject", "time", "specversion", "datacontenttype", "dataschema", "data")
)
# RFC 3339, as CloudEvents asks for; which days a month has is the producer's affair.
_TIMESTAMP: Final = re.compile(
    r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)"
    r"(\.[0-9]{1,9})?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)
_JSON_TYPE: Final = re.compile(r"(application|text)/(json|[a-z0-9!#$&^_.+-]+\+json)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class EventLimits:
    """How large an event may be."""

    data_bytes_max: int
    attribute_bytes_max: int
    extensions_max: int


@dataclass(frozen=True, slots=True)
class RawEvent:
    """An event as it was sent, not looked at yet; an empty string or empty data means absent."""

    id: str
    source: str
    type: str
    subject: str = ""
    time: str = ""
    data_content_type: str = ""
    data_schema: str = ""
    data: bytes = b""
    extensions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """An acceptable event. `value` is the parsed data, None without any; `accepted_at_us` is its `now`."""

    raw: RawEvent
    value: Json
    accepted_at_us: int
    _envelope: dict[str, Json] = field(default_factory=dict, compare=False, repr=False)

    def envelope(self) -> dict[str, Json]:
        """The event in the CloudEvents JSON format: the attributes that it has, and its data."""
        if not self._envelope:
            self._envelope.update(_envelope_of(self.raw, self.value))
        return self._envelope


def accept_event(raw: RawEvent, limits: EventLimits, *, now_us: int) -> Event:
    """Check an event against CloudEvents 1.0 and the limits.

    Raises InvalidRequestError for an attribute that is missing or malformed, TooLargeError for one that is
    over its limit, JsonError for data that is no acceptable JSON.
    """
    _check_required(raw)
    _check_optional(raw, limits)
    if raw.extensions:
        _check_extensions(raw.extensions, limits)
    value = _parse_data(raw.data, limits) if raw.data else None
    return Event(raw, value, now_us)


def is_json_content_type(content_type: str) -> bool:
    """Whether a media type says JSON; its parameters do not matter, and none at all means JSON."""
    essence = content_type.partition(";")[0].strip()
    return not essence or _JSON_TYPE.fullmatch(essence) is not None


def attribute_text(value: Json) -> Json:
    """An attribute as CloudEvents writes it, as text; what is no number or boolean comes back as it is."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case _:
            return value


def _check_required(raw: RawEvent) -> None:
    if not (raw.id and raw.source and raw.type):
        missing = next(name for name in ("id", "source", "type") if not getattr(raw, name))
        raise InvalidRequestError(missing, f"the event has no {missing}")
    check_identifier("id", raw.id)
    check_identifier("source", raw.source)
    check_identifier("type", raw.type)


def _check_optional(raw: RawEvent, limits: EventLimits) -> None:
    if raw.subject:
        check_identifier("subject", raw.subject)
    if raw.time and _TIMESTAMP.fullmatch(raw.time) is None:
        raise InvalidRequestError("time", f"time is not an RFC 3339 timestamp: {raw.time[:40]!r}")
    if raw.data_schema:
        check_identifier("data_schema", raw.data_schema, bytes_max=limits.attribute_bytes_max)
    if raw.data_content_type:
        check_identifier("data_content_type", raw.data_content_type, bytes_max=limits.attribute_bytes_max)
        if not is_json_content_type(raw.data_content_type):
            message = f"the data must be JSON, not {raw.data_content_type[:80]!r}"
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
    return loads(data, field="data")


def _envelope_of(raw: RawEvent, value: Json) -> dict[str, Json]:
    envelope: dict[str, Json] = {
        "specversion": SPEC_VERSION,
        "id": raw.id,
        "source": raw.source,
        "type": raw.type,
    }
    optional = (
        ("subject", raw.subject),
        ("time", raw.time),
        ("datacontenttype", raw.data_content_type),
        ("dataschema", raw.data_schema),
    )
    envelope.update((name, text) for name, text in optional if text)
    envelope.update(raw.extensions)
    if raw.data:
        envelope["data"] = value
    return envelope
