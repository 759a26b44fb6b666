"""Which events a definition waits for, and in which lanes: what has to reach the Engine, told at publish."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Final

from tidemill.dsl.walk import Place, places, places_of_function
from tidemill.events.filters import FilterError, literal_type
from tidemill.events.listen import Listen
from tidemill.events.shapes import shape_of
from tidemill.json import Json

_START: Final = "/schedule/on"
_STOP: Final = "/document/metadata/tidemill/stopOn"
# An empty `any` takes every event.
_EVERYTHING: Final[Mapping[str, Json]] = {"with": {}}


def listens_of(document: Mapping[str, Json], functions: Iterable[Json] = ()) -> tuple[Listen, ...]:
    """What the executions and the schedule of a checked document listen to; one entry a type and key.

    `functions` are those from outside that it leads to, which listen for its executions.

    Whether an execution has a subject, and so hears in its own lane, is known only when it runs: a filter
    that could hear there is wanted in both lanes. Raises FilterError with a pointer from the document's root.
    """
    merged: dict[tuple[str, str], Listen] = {}
    key = ordering_key_of(document)
    in_functions = (listen for task in functions for listen in _heard(places_of_function(task), key))
    for listen in chain(_listens(dict(document)), in_functions):
        place = (listen.event_type, listen.ordering_key)
        known = merged.get(place, listen)
        merged[place] = Listen(
            listen.event_type,
            known.own_lane or listen.own_lane,
            known.correlation_lane or listen.correlation_lane,
            listen.ordering_key,
        )
    return tuple(merged[place] for place in sorted(merged))


def starts_in_engine(on: Mapping[str, Json]) -> bool:
    """Whether a `schedule.on` needs memory of events, and so is the Engine's: `all`, `until`, `correlate`."""
    if "all" in on or "until" in on:
        return True
    filters = _list(on.get("any")) or [on.get("one")]
    return any(_object(item).get("correlate") for item in filters)


def ordering_key_of(document: Mapping[str, Json]) -> str:
    """The expression on an event that gives its subject; empty for the event's own."""
    key = _policies(document).get("orderingKey")
    return key if isinstance(key, str) else ""


def _listens(document: dict[str, Json]) -> Iterator[Listen]:
    key = ordering_key_of(document)
    engine_starts = starts_in_engine(_object(_object(document.get("schedule")).get("on")))
    for place in places(document):
        is_start = place.pointer.startswith(_START)
        if is_start and not engine_starts:
            continue
        for definition in _filters(place):
            yield _listen(definition, place.pointer, "" if is_start else key, own_lane=not is_start)
    for number, item in enumerate(_list(_policies(document).get("stopOn"))):
        yield _listen(_object(item), f"{_STOP}/{number}", key, own_lane=True)


def _heard(found: Iterable[Place], key: str) -> Iterator[Listen]:
    for place in found:
        for definition in _filters(place):
            yield _listen(definition, place.pointer, key, own_lane=True)


def _filters(place: Place) -> Iterator[Mapping[str, Json]]:
    if not isinstance(place.value, dict):
        return
    if place.level.name == "event filter":
        yield place.value
    elif place.level.name == "listen to any" and place.value.get("any") == []:
        yield _EVERYTHING


def _listen(definition: Mapping[str, Json], pointer: str, key: str, *, own_lane: bool) -> Listen:
    try:
        shape_of(definition)
    except FilterError as error:
        raise FilterError(pointer + error.pointer, error.message) from None
    properties = _object(definition.get("with"))
    own_lane = own_lane and not definition.get("correlate") and "subject" not in properties
    return Listen(
        literal_type(properties), own_lane, correlation_lane=True, ordering_key=key if own_lane else ""
    )


def _policies(document: Mapping[str, Json]) -> dict[str, Json]:
    header = _object(document.get("document"))
    return _object(_object(header.get("metadata")).get("tidemill"))


def _object(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
