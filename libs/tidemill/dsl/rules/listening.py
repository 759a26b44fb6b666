"""Rules about event filters: which of them hear more than their authors may want."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from tidemill.dsl import limits
from tidemill.dsl.patterns import is_pattern
from tidemill.dsl.pointers import child
from tidemill.dsl.problems import Problem
from tidemill.dsl.rules.rule import Check, RuleTable
from tidemill.dsl.walk import Place
from tidemill.expressions import expression_source
from tidemill.json import Json

_START: Final = "/schedule/on"
_OR_KEY: Final = "or the workflow an `orderingKey` in `document.metadata.tidemill`"


def event_filter(place: Place, check: Check) -> Iterator[Problem]:
    """A filter names a type; one of a wait also says whose events it means."""
    yield from _counted(place, check)
    yield from typeless(place, check)
    if not place.pointer.startswith(_START) and _hears_everybody(place, check):
        yield place.warning(
            "in an execution without a subject this wait hears such events of every subject: give the filter "
            f"a `subject` or `correlate`, {_OR_KEY}"
        )


def stop_filter(place: Place, check: Check) -> Iterator[Problem]:
    """The same for what ends an execution."""
    yield from _counted(place, check)
    yield from typeless(place, check)
    if _hears_everybody(place, check):
        yield place.warning(
            "an execution without a subject is ended by such events of every subject: give the filter "
            f"a `subject`, {_OR_KEY}"
        )


def _counted(place: Place, check: Check) -> Iterator[Problem]:
    """Waits are bounded by what a document can hold of them; the first one too many is told."""
    check.event_filters += 1
    if check.event_filters == limits.DOCUMENT_EVENT_FILTERS_MAX + 1:
        yield place.problem(
            f"a document may have {limits.DOCUMENT_EVENT_FILTERS_MAX} event filters; "
            "`correlate` lets one filter tell many values apart"
        )


def _hears_everybody(place: Place, check: Check) -> bool:
    """Whether nothing says that events of one subject are meant."""
    members = place.value if isinstance(place.value, dict) else {}
    attributes = members.get("with")
    names_its_lane = isinstance(attributes, dict) and "subject" in attributes
    return not names_its_lane and not members.get("correlate") and not _has_ordering_key(check.document)


def typeless(place: Place, _check: Check) -> Iterator[Problem]:
    """Events are sorted by type; a filter without one literal type is held against all of them."""
    attributes = place.value["with"] if isinstance(place.value, dict) else None
    if not isinstance(attributes, dict) or _is_literal(attributes.get("type")):
        return
    pointer = child(place.pointer, "with")
    message = "without a literal `type` this filter looks at events of every type in the namespace"
    yield Problem(child(pointer, "type") if "type" in attributes else pointer, message, "warning")


def any_of(place: Place, _check: Check) -> Iterator[Problem]:
    """An empty `any` is open to everything (specification, event consumption strategy)."""
    if isinstance(place.value, dict) and place.value["any"] == []:
        message = "an empty `any` takes events of every type in the namespace"
        yield Problem(child(place.pointer, "any"), message, "warning")


def all_of(place: Place, _check: Check) -> Iterator[Problem]:
    """An empty `all` is complete from the start: nothing to wait for, and for a schedule no time to start."""
    if not isinstance(place.value, dict) or place.value["all"] != []:
        return
    if place.pointer.startswith(_START):
        yield Problem(child(place.pointer, "all"), "a schedule on `all` needs at least one event filter")
    else:
        yield Problem(child(place.pointer, "all"), "an empty `all` waits for nothing", "warning")


def _is_literal(event_type: Json) -> bool:
    if not isinstance(event_type, str):
        return False
    return expression_source(event_type) is None and not is_pattern(event_type)


def _has_ordering_key(document: Json) -> bool:
    value = document
    for name in ("document", "metadata", "tidemill"):
        value = value.get(name) if isinstance(value, Mapping) else None
    return isinstance(value, Mapping) and "orderingKey" in value


RULES: Final[RuleTable] = MappingProxyType(
    {
        "event filter": event_filter,
        "stop filter": stop_filter,
        "listen to any": any_of,
        "listen to all": all_of,
    }
)
