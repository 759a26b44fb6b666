"""Compiles what a definition document's `schedule.on` and policies say to a start condition."""

from collections.abc import Mapping
from typing import Final

from tidemill.events.filters import EventFilter, FilterError, compile_filter
from tidemill.events.listens import starts_in_engine
from tidemill.json import Json
from tidemill.triggers.core.conditions import (
    TRIGGER,
    Alternative,
    ConditionError,
    Evaluation,
    EvaluationError,
    Reading,
    StartCondition,
)
from tidemill.triggers.core.evaluation import compile_key
from tidemill.versions import Version

_EVERYTHING: Final = compile_filter({})


def compile_condition(document: Mapping[str, Json]) -> StartCondition:
    """Compile the start condition of a definition document.

    Conditions over several events (`all`, `until`, `correlate`) and other schedules belong to the Engine:
    here they have no alternatives. Raises ConditionError for what a published document should not hold.
    """
    header = _mapping(document, "document", "")
    schedule = _mapping(document, "schedule", "", required=False)
    version_text = _text(header, "version")
    return StartCondition(
        namespace=_text(header, "namespace"),
        workflow=_text(header, "name"),
        version=_version(version_text),
        version_text=version_text,
        alternatives=_alternatives(_mapping(schedule, "on", "/schedule", required=False)),
        ordering_key=_ordering_key(header),
        reading=_reading(schedule),
    )


def _alternatives(on: Mapping[str, Json]) -> tuple[Alternative, ...]:
    if starts_in_engine(on):
        return ()
    match on:
        case {"one": one}:
            return (Alternative(TRIGGER, _filter(one, "/schedule/on/one")),)
        case {"any": list(filters)}:
            if not filters:
                return (Alternative(TRIGGER, _EVERYTHING),)
            return tuple(
                Alternative(f"{TRIGGER}.any.{number}", _filter(item, f"/schedule/on/any/{number}"))
                for number, item in enumerate(filters)
            )
        case _:
            return ()


def _filter(value: Json, pointer: str) -> EventFilter:
    if not isinstance(value, dict):
        raise ConditionError(pointer, "an event filter is an object")
    try:
        return compile_filter(_mapping(value, "with", pointer))
    except FilterError as error:
        raise ConditionError(pointer + error.pointer, error.message) from None


def _ordering_key(header: Mapping[str, Json]) -> Evaluation | None:
    metadata = _mapping(header, "metadata", "/document", required=False)
    policies = _mapping(metadata, "tidemill", "/document/metadata", required=False)
    text = policies.get("orderingKey")
    if text is None:
        return None
    pointer = "/document/metadata/tidemill/orderingKey"
    if not isinstance(text, str):
        raise ConditionError(pointer, "an ordering key is an expression")
    try:
        return compile_key(text)
    except EvaluationError as error:
        raise ConditionError(pointer, str(error)) from None


def _reading(schedule: Mapping[str, Json]) -> Reading:
    try:
        return Reading(str(schedule.get("read", Reading.DATA)))
    except ValueError:
        raise ConditionError("/schedule/read", "must be data, envelope or raw") from None


def _version(text: str) -> Version:
    try:
        return Version.parse(text)
    except ValueError as error:
        raise ConditionError("/document/version", str(error)) from None


def _mapping(
    parent: Mapping[str, Json], name: str, pointer: str, *, required: bool = True
) -> dict[str, Json]:
    value = parent.get(name)
    if value is None and not required:
        return {}
    if not isinstance(value, dict):
        raise ConditionError(f"{pointer}/{name}", "must be an object")
    return value


def _text(header: Mapping[str, Json], name: str) -> str:
    value = header.get(name)
    if not isinstance(value, str):
        raise ConditionError(f"/document/{name}", "must be a string")
    return value
