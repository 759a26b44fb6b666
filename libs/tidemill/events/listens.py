"""What a definition listens to: which events have to reach which lanes, so that all others cost nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tidemill.events.filters import is_literal
from tidemill.json import Json

_TASK_LISTS: Final = ("do", "try")


@dataclass(frozen=True, slots=True)
class Listen:
    """A need for events of a type ("" for all types).

    In the lane of their own subject, which `ordering_key` finds ("" for the event's subject), in the
    correlation lane of the type, or in both.
    """

    event_type: str
    own_lane: bool
    correlation_lane: bool
    ordering_key: str = ""


def listens_of(document: Mapping[str, Json]) -> tuple[Listen, ...]:
    """Everything that a definition's executions and its schedule wait for, by type."""
    policies = _policies(document)
    key = str(policies.get("orderingKey") or "")
    found: dict[str, Listen] = {}
    for event_filter in _waiting(document):
        attributes = _members(event_filter.get("with"))
        elsewhere = "subject" in attributes or bool(event_filter.get("correlate"))
        _add(found, Listen(_literal_type(attributes), not elsewhere, correlation_lane=True, ordering_key=key))
    for event_filter in _starting(document):
        event_type = _literal_type(_members(event_filter.get("with")))
        _add(found, Listen(event_type, own_lane=False, correlation_lane=True))
    return tuple(found[event_type] for event_type in sorted(found))


def runs_in_engine(on: Mapping[str, Json]) -> bool:
    """Whether a start condition needs memory: several events, an end, or a correlation."""
    if "all" in on or "until" in on:
        return True
    return any(event_filter.get("correlate") for event_filter in _strategy(on))


def _add(found: dict[str, Listen], listen: Listen) -> None:
    known = found.get(listen.event_type)
    if known is None:
        found[listen.event_type] = listen
        return
    found[listen.event_type] = Listen(
        listen.event_type,
        known.own_lane or listen.own_lane,
        known.correlation_lane or listen.correlation_lane,
        known.ordering_key or listen.ordering_key,
    )


def _waiting(document: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    stops = _policies(document).get("stopOn")
    for event_filter in stops if isinstance(stops, list) else []:
        yield _members(event_filter)
    waiting: list[Json] = [document.get("do")]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            for item in part:
                for task in _members(item).values():
                    yield from _filters_of_task(_members(task), waiting)


def _filters_of_task(task: Mapping[str, Json], waiting: list[Json]) -> Iterator[Mapping[str, Json]]:
    """The filters of one task; the lists of tasks that it holds are put among those to look through."""
    if "listen" in task:
        yield from _strategy(_members(_members(task["listen"]).get("to")))
        waiting.append(_members(task.get("foreach")).get("do"))
    waiting.extend(task.get(name) for name in _TASK_LISTS)
    waiting.append(_members(task.get("catch")).get("do"))
    waiting.append(_members(task.get("fork")).get("branches"))


def _strategy(to: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    if "one" in to:
        yield _members(to["one"])
    for name in ("any", "all"):
        filters = to.get(name)
        if isinstance(filters, list):
            # No filter at all asks for every event.
            yield from map(_members, filters or [{}])
    yield from _strategy(_members(to.get("until")))


def _starting(document: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    on = _members(_members(document.get("schedule")).get("on"))
    if runs_in_engine(on):
        yield from _strategy(on)


def _literal_type(attributes: Mapping[str, Json]) -> str:
    event_type = attributes.get("type")
    return event_type if isinstance(event_type, str) and is_literal(event_type) else ""


def _policies(document: Mapping[str, Json]) -> Mapping[str, Json]:
    return _members(_members(_members(document.get("document")).get("metadata")).get("tidemill"))


def _members(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}
