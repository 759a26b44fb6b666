"""Numbers: integers are exact within int64 and uint64, all others are finite doubles."""

import math
from typing import Final

from tidemill.expressions.errors import ExpressionSyntaxError, RaisedError
from tidemill.json import INTEGER_MAX, INTEGER_MIN

# Up to here every double that has no fraction is an exact integer.
_EXACT_DOUBLE_MAX: Final = 2.0**53
_POSITIONAL_DIGITS_MAX: Final = 17


def checked(value: int | float) -> int | float:
    """The result of a calculation; raises RaisedError when it leaves the range. 2.0 becomes 2."""
    if type(value) is int:
        if INTEGER_MIN <= value <= INTEGER_MAX:
            return value
        raise RaisedError("a calculation leaves the range of 64-bit integers")
    if not math.isfinite(value):
        raise RaisedError("a calculation gives no finite number")
    return int(value) if -_EXACT_DOUBLE_MAX <= value <= _EXACT_DOUBLE_MAX and value == int(value) else value


def parse_literal(text: str, position: int) -> int | float:
    """A number as an author writes it; raises ExpressionSyntaxError when it is out of range."""
    try:
        return parse(text)
    except (RaisedError, ValueError):
        raise ExpressionSyntaxError("a number is out of range", position) from None


def checked_literal(value: int | float, position: int) -> int | float:
    """A number of the program text; raises ExpressionSyntaxError when it is out of range."""
    try:
        return checked(value)
    except RaisedError:
        raise ExpressionSyntaxError("a number is out of range", position) from None


def parse(text: str) -> int | float:
    """A number in decimal notation; raises ValueError for other text, RaisedError out of range."""
    return checked(int(text) if text.lstrip("+-").isdigit() else float(text))


def number_text(value: int | float) -> str:
    """A number as JSON text."""
    if type(value) is int:
        return str(value)
    if value == int(value) and abs(value) < 10.0**_POSITIONAL_DIGITS_MAX:
        return str(int(value))
    return repr(value)
