"""The types of the events that an execution waits for, where history knows only their subject. Pure."""

from collections.abc import Iterator, Mapping
from typing import cast

from tidemill.dsl.task_references import pointer_of
from tidemill.json import Json


def untyped(report: Mapping[str, Json]) -> bool:
    """Whether a report (`get --json`) has a wait for events whose type only the definition knows."""
    return any(event["type"] is None for _, events in _waiting(report) for event in events)


def add_types(report: Mapping[str, Json], document: Json) -> None:
    """Fill in the types that the filters of the document give; one without a literal type stays None."""
    for reference, events in _waiting(report):
        types = _types(_at(document, reference))
        for event in events:
            number = cast("int", event["filter"])
            if event["type"] is None and number < len(types):
                event["type"] = types[number]


def _waiting(report: Mapping[str, Json]) -> Iterator[tuple[str, list[dict[str, Json]]]]:
    for task in cast("list[dict[str, Json]]", report["tasks"]):
        wait = task["waits_for"]
        if isinstance(wait, dict) and "events" in wait:
            yield str(task["reference"]), cast("list[dict[str, Json]]", wait["events"])


def _at(document: Json, reference: str) -> Json:
    """The task at a reference; None where the document has none, as for the tasks of a schedule."""
    place = document
    for segment in pointer_of(reference).split("/")[1:]:
        key = segment.replace("~1", "/").replace("~0", "~")
        if isinstance(place, list) and key.isdecimal() and int(key) < len(place):
            place = place[int(key)]
        else:
            place = place.get(key) if isinstance(place, dict) else None
    return place


def _types(task: Json) -> list[str | None]:
    """The literal type of each filter of a `listen`, in their order: those of `until` come last."""
    to = _object(_object(_object(task).get("listen")).get("to"))
    return [_type(item) for item in [*_filters(to), *_filters(_object(to.get("until")))]]


def _filters(strategy: dict[str, Json]) -> list[Json]:
    if "one" in strategy:
        return [strategy["one"]]
    several = strategy.get("any", strategy.get("all"))
    return several if isinstance(several, list) else []


def _type(definition: Json) -> str | None:
    written = _object(_object(definition).get("with")).get("type")
    is_literal = isinstance(written, str) and not written.startswith(("^", "${"))
    return str(written) if is_literal else None


def _object(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}
