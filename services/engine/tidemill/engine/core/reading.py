"""How events are read: what expressions and outputs see of an envelope."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from tidemill.engine.core.payload import Payload
from tidemill.json import Json, dumps

Read: TypeAlias = Callable[[Payload], Json]


def reading_of(name: Json) -> Read:
    """How `read` has events read; the data without it."""
    return _READINGS[str(name)] if name in _READINGS else read_data


def read_data(event: Payload) -> Json:
    """The data; null without any."""
    envelope = event.value
    return envelope.get("data") if isinstance(envelope, dict) else None


def read_envelope(event: Payload) -> Json:
    """The whole event in the CloudEvents JSON format."""
    return event.value


def read_raw(event: Payload) -> Json:
    """The data as JSON text; empty without any."""
    envelope = event.value
    if not isinstance(envelope, dict) or "data" not in envelope:
        return ""
    return dumps(envelope["data"]).decode()


_READINGS: Final[Mapping[str, Read]] = MappingProxyType(
    {"data": read_data, "envelope": read_envelope, "raw": read_raw}
)
