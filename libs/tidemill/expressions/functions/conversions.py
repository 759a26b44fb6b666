"""Builtins on types: conversions, tests, errors, and the recorded time."""

import re
from collections.abc import Callable
from typing import Final, NoReturn

from tidemill.expressions.budget import Run
from tidemill.expressions.errors import RaisedError
from tidemill.expressions.jsontext import from_json, to_json
from tidemill.expressions.numbers import checked, parse
from tidemill.expressions.values import described, is_number, is_truthy, raised, shown, type_name
from tidemill.json import Json

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_NUMBER_CHARACTERS_MAX: Final = 400
_NORMAL_MIN: Final = 2.2250738585072014e-308


def tostring(run: Run, value: Json) -> str:
    """A string as it is, anything else as JSON."""
    return value if isinstance(value, str) else to_json(value, run.budget)


def tonumber(run: Run, value: Json) -> Json:
    """A number as it is, or the number that a string spells."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and len(value) <= _NUMBER_CHARACTERS_MAX and _NUMBER.fullmatch(value):
        return parse(value)
    raise raised(f"{described(value)} cannot be parsed as a number")


def toboolean(run: Run, value: Json) -> Json:
    """A boolean as it is, or the one that a string spells."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise raised(f"{described(value)} cannot be parsed as a boolean")


def tojson(run: Run, value: Json) -> Json:
    """The value as JSON text."""
    return to_json(value, run.budget)


def fromjson(run: Run, value: Json) -> Json:
    """The value that a JSON text spells."""
    if not isinstance(value, str):
        raise raised(f"{described(value)} only strings can be parsed")
    return from_json(value, run.budget)


def error(run: Run, value: Json) -> NoReturn:
    """Raise the input."""
    raise RaisedError(value, value if isinstance(value, str) else f"{shown(value)} (not a string)")


def error_with(run: Run, value: Json, problem: Json) -> NoReturn:
    """Raise the argument."""
    error(run, problem)


def now(run: Run, value: Json) -> Json:
    """The recorded time of the step, in seconds since 1970."""
    return checked(run.now_us / 1_000_000)


def _not_finite(run: Run, value: Json) -> NoReturn:
    raise raised("NaN and infinities are not numbers here")


def _is_normal(run: Run, value: Json) -> Json:
    return is_number(value) and abs(value) >= _NORMAL_MIN


def _never(run: Run, value: Json) -> Json:
    return False


FUNCTIONS: Final[dict[str, Callable[..., Json]]] = {
    "type/0": lambda run, value: type_name(value),
    "not/0": lambda run, value: not is_truthy(value),
    "tostring/0": tostring,
    "tonumber/0": tonumber,
    "toboolean/0": toboolean,
    "tojson/0": tojson,
    "fromjson/0": fromjson,
    "error/0": error,
    "error/1": error_with,
    "now/0": now,
    "nan/0": _not_finite,
    "infinite/0": _not_finite,
    "isnan/0": _never,
    "isinfinite/0": _never,
    "isnormal/0": _is_normal,
    "isfinite/0": lambda run, value: type_name(value) == "number",
    "have_literal_numbers/0": lambda run, value: True,
    "have_decnum/0": lambda run, value: True,
}
