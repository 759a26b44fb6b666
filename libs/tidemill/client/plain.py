"""API messages as plain JSON values, for people and for machines that read the command line's output."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from tidemill.api.engine.v1.execution_pb2 import ExecutionPhase
from tidemill.api.errors.v1.problem_pb2 import Problem
from tidemill.api.events.v1.payload_pb2 import Payload
from tidemill.errors import us_of_duration
from tidemill.json import Json, loads

_PHASE_PREFIX: Final = "EXECUTION_PHASE_"
_MICROSECONDS_SUFFIX: Final = "_us"
# Fields in microseconds that are times; all others, as `per_us`, are lengths.
_TIME_SUFFIXES: Final = ("_at_us", "since_us", "starts_us")


def phase_name(phase: ExecutionPhase.ValueType) -> str:
    """The DSL's word for a phase: `completed`; one of a newer release is named by its number."""
    if phase not in ExecutionPhase.values():
        return f"phase_{phase}"
    return ExecutionPhase.Name(phase).removeprefix(_PHASE_PREFIX).lower()


def phase_of_name(name: str) -> ExecutionPhase.ValueType:
    """The phase that the DSL calls so; raises ValueError for a word that is none."""
    return ExecutionPhase.Value(_PHASE_PREFIX + name.upper())


def phase_names() -> list[str]:
    """The DSL's words for the phases, in the order of a life."""
    return [phase_name(phase) for phase in ExecutionPhase.values() if phase]


def us_of_timestamp(time: Timestamp) -> int:
    """A protobuf Timestamp in microseconds UTC."""
    return time.seconds * 1_000_000 + time.nanos // 1000


def rfc3339(time_us: int) -> str:
    """Microseconds UTC as RFC 3339 text with six decimals, so that texts sort as times do."""
    seconds, rest_us = divmod(time_us, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest_us:06d}Z"


def payload_value(payload: Payload) -> Json:
    """The JSON value of a payload; null when it is empty."""
    return loads(payload.data) if payload.data else None


def problem_value(problem: Problem) -> Json:
    """A workflow error as problem details; what was not given is null."""
    return {
        "type": problem.type or None,
        "status": problem.status or None,
        "title": problem.title or None,
        "detail": problem.detail or None,
        "instance": problem.instance or None,
    }


def plain(message: Message) -> Json:
    """A message as JSON: set fields only, enums by their word, times as RFC 3339, payloads as values."""
    match message:
        case Payload():
            return payload_value(message)
        case Problem():
            return problem_value(message)
        case Timestamp():
            return rfc3339(us_of_timestamp(message))
        case Duration():
            return us_of_duration(message) / 1_000_000
        case _:
            return {_name(field): _field_value(field, value) for field, value in message.ListFields()}


def _name(field: FieldDescriptor) -> str:
    if field.name.endswith(_TIME_SUFFIXES):
        return field.name.removesuffix("_us")
    return field.name


def _field_value(field: FieldDescriptor, value: object) -> Json:
    if not field.is_repeated:
        return _one_value(field, value)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return {str(key): str(item) for key, item in cast("Mapping[object, object]", value).items()}
    # protobuf's own lists say nothing of being iterable, though they are.
    return [_one_value(field, item) for item in cast("Iterable[object]", value)]


def _one_value(field: FieldDescriptor, value: object) -> Json:
    if field.enum_type is not None and isinstance(value, int):
        known = field.enum_type.values_by_number.get(value)
        return _enum_word(field.enum_type.name, known.name) if known else value
    match value:
        case Message():
            return plain(value)
        case bytes() if field.name == "lane":
            return " ".join(part.decode() for part in value.split(b"\0") if part)
        case bytes():
            return value.hex()
        case int() if field.name.endswith(_TIME_SUFFIXES):
            return rfc3339(value)
        case str() | int() | float() | bool():
            return value
        case _:
            raise TypeError(f"the field {field.full_name} holds {type(value).__name__}")


def _enum_word(enum_name: str, value_name: str) -> str:
    prefix = "".join("_" + letter if letter.isupper() else letter.upper() for letter in enum_name).lstrip("_")
    return value_name.removeprefix(prefix + "_").lower()
