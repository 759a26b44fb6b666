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
from tidemill.expressions import expression_source

STARTS: Final = ("every", "cron", "after", "on")


def schedule(place: Place, _check: Check) -> Iterator[Problem]:
    """A schedule says when, and its times are known before anything runs."""
    present = [start for start in STARTS if isinstance(place.value, dict) and start in place.value]
    if not present:
        yield place.problem("`schedule` needs one of `every`, `cron`, `after` and `on`")
    if "every" in present and "cron" in present:
        yield place.problem("`schedule` may not have both `every` and `cron`")
    yield from fixed_duration(place, "every", least_us=1)
    yield from fixed_duration(place, "after")


def cooldown(place: Place, _check: Check) -> Iterator[Problem]:
    """Without a length it would be `always`."""
    yield from fixed_duration(place, "cooldown", least_us=1)


def fixed_duration(place: Place, key: str, least_us: int = 0) -> Iterator[Problem]:
    """A duration that no execution can compute; what else is wrong with it, its own rule says."""
    value = place.value.get(key) if isinstance(place.value, dict) else None
    if isinstance(value, str) and expression_source(value) is not None:
        message = f"`{key}` is used before there is data: it must be a duration, not an expression"
        yield Problem(child(place.pointer, key), message)
    else:
        yield from least_duration(place, key, least_us)


def least_duration(place: Place, key: str, least_us: int = 1) -> Iterator[Problem]:
    """A duration that is too short for what it is for."""
    value = place.value.get(key) if isinstance(place.value, dict) else None
    try:
        too_short = parse_duration(value) < least_us
    except ValueError:
        return
    if too_short:
        yield Problem(child(place.pointer, key), f"`{key}` must be longer than zero")


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


def own_members(place: Place, _check: Check) -> Iterator[tuple[str, str]]:
    """The members of the document's metadata that mean something to us, and their shapes."""
    for key, shape in (("tidemill", "policies"), ("timezone", "time zone")):
        if isinstance(place.value, dict) and key in place.value:
            yield key, shape


RULES: Final[RuleTable] = MappingProxyType(
    {
        "schedule": schedule,
        "semantic version": version,
        "emitted event": emitted_event,
        "jitter": jitter,
        "reentry cooldown": cooldown,
    }
)
