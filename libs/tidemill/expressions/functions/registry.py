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
