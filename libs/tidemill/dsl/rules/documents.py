"""Rules about the parts around the tasks: the header, the schedule, our policies, and what retries need."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from tidemill.dsl import limits
from tidemill.dsl.durations import parse_duration
from tidemill.dsl.pointers import child
from tidemill.dsl.problems import Problem
from tidemill.dsl.rules.rule import Check, RuleTable
from tidemill.dsl.walk import Place

STARTS: Final = ("every", "cron", "after", "on")


def schedule(place: Place, _check: Check) -> Iterator[Problem]:
    """A schedule says when."""
    present = [start for start in STARTS if isinstance(place.value, dict) and start in place.value]
    if not present:
        yield place.problem("`schedule` needs one of `every`, `cron`, `after` and `on`")
    if "every" in present and "cron" in present:
        yield place.problem("`schedule` may not have both `every` and `cron`")


def version(place: Place, _check: Check) -> Iterator[Problem]:
    """Versions are parts of keys."""
    if len(str(place.value)) > limits.NAME_CHARACTERS_MAX:
        yield place.problem(f"`{place.key}` may have {limits.NAME_CHARACTERS_MAX} characters")


def emitted_event(place: Place, _check: Check) -> Iterator[Problem]:
    """The language lets `with` be left out, but an event has a type."""
    if isinstance(place.value, dict) and "with" not in place.value:
        yield place.problem("an event to emit needs `with` and its `type`")


def jitter(place: Place, _check: Check) -> Iterator[Problem]:
    """Jitter is drawn from a range."""
    if not isinstance(place.value, dict):
        return
    try:
        first, last = (parse_duration(place.value[key]) for key in ("from", "to"))
    except ValueError:
        return
    if first > last:
        yield place.problem("`from` must not be longer than `to`")


def metadata_members(place: Place) -> Iterator[tuple[str, str, str]]:
    """The members of the document's metadata that mean something to us: shape, pointer, key."""
    for key, shape in (("tidemill", "policies"), ("timezone", "time zone")):
        if isinstance(place.value, dict) and key in place.value:
            yield shape, child(place.pointer, key), key


RULES: Final[RuleTable] = MappingProxyType(
    {"schedule": schedule, "semantic version": version, "emitted event": emitted_event, "jitter": jitter}
)
