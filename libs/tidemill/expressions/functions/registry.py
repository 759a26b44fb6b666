"""Finds builtin functions by `name/arity`, and says which names are refused."""

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from tidemill.expressions.functions import (
    collections,
    conversions,
    dates,
    formats,
    generators,
    mathematics,
    ordering,
    regex,
    strings,
)
from tidemill.json import Json

# Called with the run, the input and the values of the arguments.
Single: TypeAlias = Callable[..., Json]
Many: TypeAlias = Callable[..., Iterator[Json]]

SINGLE: Final[dict[str, Single]] = {
    **collections.FUNCTIONS,
    **conversions.FUNCTIONS,
    **dates.FUNCTIONS,
    **formats.FUNCTIONS,
    **mathematics.FUNCTIONS,
    **ordering.FUNCTIONS,
    **regex.FUNCTIONS,
    **strings.FUNCTIONS,
}
MANY: Final[dict[str, Many]] = {**generators.FUNCTIONS, **regex.GENERATORS}

# Builtins whose output nests no deeper than their input and arguments, so that nothing needs a look at it.
SHALLOW: Final = frozenset(
    [
        *(
            "add/0",
            "all/0",
            "all/1",
            "all/2",
            "any/0",
            "any/1",
            "any/2",
            "contains/1",
            "empty/0",
            "endswith/1",
        ),
        *(
            "first/0",
            "first/1",
            "has/1",
            "join/1",
            "keys/0",
            "last/0",
            "length/0",
            "limit/2",
            "map/1",
            "max/0",
        ),
        *("min/0", "not/0", "now/0", "range/1", "select/1", "sort/0", "sort_by/1", "split/1", "startswith/1"),
        *("test/1", "tojson/0", "tonumber/0", "tostring/0", "type/0", "unique/0", "values/0"),
    ]
)

_OUTSIDE: Final = "an expression sees only its input and its variables"
_ALONE: Final = "an expression stands alone"
_NO_OUTPUT: Final = "an expression has no output but its value"
_REFUSED: Final[dict[str, str]] = {
    **dict.fromkeys(["env", "$ENV", "input", "inputs", "input_filename", "input_line_number"], _OUTSIDE),
    **dict.fromkeys(["$__loc__", "$__prog_args"], _OUTSIDE),
    **dict.fromkeys(["get_search_list", "get_jq_origin", "get_prog_origin", "modulemeta"], _ALONE),
    **dict.fromkeys(["debug", "stderr", "halt", "halt_error"], _NO_OUTPUT),
}


def refusal(key: str) -> str | None:
    """Why a builtin (`name/arity`) or variable (`$name`) is refused, or None when it is not."""
    name = key.partition("/")[0]
    reason = _REFUSED.get(name)
    return None if reason is None else f"{name!r} is refused: {reason}"
