"""Rules about the functions of the default catalog, which the Engine runs itself."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from tidemill.civil.timestamps import parse_instant
from tidemill.civil.windows import parse_window
from tidemill.civil.zones import load_zone
from tidemill.dsl.default_catalog import DEFAULT_CATALOG, default_function
from tidemill.dsl.pointers import child
from tidemill.dsl.problems import Problem
from tidemill.dsl.references import section
from tidemill.dsl.rules.documents import least_duration
from tidemill.dsl.rules.rule import Check, RuleTable
from tidemill.dsl.walk import Place
from tidemill.json import Json

# Whether something is a time, or a window, does not depend on where.
_ANY_ZONE: Final = "UTC"


def own_members(place: Place, check: Check) -> Iterator[tuple[str, str]]:
    """The arguments of a call of such a function, and their shape."""
    name = _function(place, check)
    if name and isinstance(place.value, dict) and isinstance(place.value.get("with"), dict):
        yield "with", f"{name} arguments"


def function_call(place: Place, check: Check) -> Iterator[Problem]:
    """None of these functions does anything without arguments."""
    name = _function(place, check)
    if name and isinstance(place.value, dict) and "with" not in place.value:
        yield place.problem(f"a call of `{name}` needs `with`")


def _function(place: Place, check: Check) -> str:
    """Its name; empty for other functions, and where a catalog of the document has taken the name."""
    if not isinstance(place.value, dict) or DEFAULT_CATALOG in section(check.document, "catalogs"):
        return ""
    return default_function(place.value.get("call"))


def moment(place: Place, _check: Check) -> Iterator[Problem]:
    """A time of a calendar that exists."""
    try:
        parse_instant(place.value, load_zone(_ANY_ZONE))
    except ValueError as error:
        yield place.problem(str(error))


def window(place: Place, _check: Check) -> Iterator[Problem]:
    """Hours of the day that some day has."""
    try:
        parse_window(place.value, load_zone(_ANY_ZONE))
    except ValueError as error:
        yield place.problem(str(error))


def weighted_branches(place: Place, _check: Check) -> Iterator[Problem]:
    """Branches are told apart by name, and one of them has to be taken."""
    branches = [item if isinstance(item, dict) else {} for item in _items(place.value)]
    names = set[str]()
    for index, branch in enumerate(branches):
        name = branch.get("name")
        if isinstance(name, str) and name in names:
            pointer = child(child(place.pointer, index), "name")
            yield Problem(pointer, f"another branch of this split is named `{name:.80}` too")
        names |= {name} if isinstance(name, str) else set()
    if branches and all(_is_zero(branch.get("weight")) for branch in branches):
        yield place.problem("every branch has the weight 0, so that none can be taken")


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _is_zero(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == 0


def whole(place: Place, _check: Check) -> Iterator[Problem]:
    """JSON Schema takes 5.0 for a whole number; what counts these takes 5 alone."""
    if isinstance(place.value, float):
        yield place.problem(f"`{place.key}` must be {place.level.noun}, without a decimal point")


def pace(place: Place, _check: Check) -> Iterator[Problem]:
    """A period has a length."""
    yield from least_duration(place, "per")


RULES: Final[RuleTable] = MappingProxyType(
    {
        "function call task": function_call,
        "moment": moment,
        "window": window,
        "weighted branches": weighted_branches,
        "weight": whole,
        "pace arguments": pace,
        "pace limit": whole,
    }
)
