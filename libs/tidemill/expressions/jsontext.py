"""JSON text inside expressions: `tojson`, `fromjson`, and values shown in messages."""

import json
import re
from collections.abc import Iterator
from json.encoder import encode_basestring
from typing import Final

from tidemill.expressions.budget import NESTING_LEVELS_MAX, WALKED_LEVELS_MAX, Budget
from tidemill.expressions.errors import RaisedError
from tidemill.expressions.jsonreader import read_json
from tidemill.expressions.numbers import checked, number_text
from tidemill.json import Json

_STRINGS: Final = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_PIECE_OPERATIONS: Final = 2
_QUOTED_CHARACTERS_PER_OPERATION: Final = 64
_CALL_OPERATIONS: Final = 10
_BRACKETS: Final = re.compile(r"[\[\]{}]")
# Halves of pairs, which Python's reader would let through alone.
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_BRACKET_CHARACTERS_PER_OPERATION: Final = 4


def pieces(value: Json) -> Iterator[str]:
    """The pieces of a value's JSON text, lazily and without recursion."""
    waiting: list[Iterator[tuple[str, Json]]] = [iter([("", value)])]
    closings = [""]
    while waiting:
        following = next(waiting[-1], None)
        if following is None:
            waiting.pop()
            yield closings.pop()
            continue
        prefix, item = following
        if len(waiting) > WALKED_LEVELS_MAX + 1:
            yield prefix + "<skipped: too deep>"
        elif isinstance(item, list):
            yield prefix + "["
            waiting.append(_items(item))
            closings.append("]")
        elif isinstance(item, dict):
            yield prefix + "{"
            waiting.append(_entries(item))
            closings.append("}")
        else:
            yield prefix + _scalar(item)


def _items(items: list[Json]) -> Iterator[tuple[str, Json]]:
    separator = ""
    for item in items:
        yield separator, item
        separator = ","


def _entries(entries: dict[str, Json]) -> Iterator[tuple[str, Json]]:
    separator = ""
    for key, item in entries.items():
        yield f"{separator}{_quoted(key)}:", item
        separator = ","


def _quoted(text: str) -> str:
    return encode_basestring(text).replace("\x7f", "\\u007f")


def _scalar(item: str | float | None) -> str:
    if item is None:
        return "null"
    if isinstance(item, bool):
        return "true" if item else "false"
    return _quoted(item) if isinstance(item, str) else number_text(item)


def to_json(value: Json, budget: Budget) -> str:
    """A value as JSON text, charged as it grows; raises ExpressionError over budget."""
    if type(value) is not list and type(value) is not dict:
        assert not isinstance(value, list | dict)
        text = _scalar(value)
        budget.spend(len(text) // _QUOTED_CHARACTERS_PER_OPERATION)
        budget.produce(len(text))
        return text
    parts = []
    for piece in pieces(value):
        budget.spend(_PIECE_OPERATIONS + len(piece) // _QUOTED_CHARACTERS_PER_OPERATION)
        budget.produce(len(piece))
        parts.append(piece)
    return "".join(parts)


def from_json(text: str, budget: Budget) -> Json:
    """The value of a JSON text; raises RaisedError when it is none or holds numbers out of range."""
    budget.spend(_CALL_OPERATIONS + len(text) // 4)
    budget.produce(len(text) * 4)
    if text.count("[") + text.count("{") > NESTING_LEVELS_MAX:
        budget.spend(len(text) // _BRACKET_CHARACTERS_PER_OPERATION)
        if _nests_deep(text):
            return read_json(text, budget)
    if _SURROGATE.search(text):
        return read_json(text, budget)
    try:
        value: Json = json.loads(text, parse_int=_integer, parse_float=_double, parse_constant=_not_a_number)
    except ValueError:
        return read_json(text, budget)
    return value


def _integer(digits: str) -> int | float:
    return checked(int(digits))


def _double(digits: str) -> float:
    checked(float(digits))
    return float(digits)


def _not_a_number(_: str) -> Json:
    raise RaisedError("NaN and infinities are not numbers here")


def _nests_deep(text: str) -> bool:
    depth = 0
    for bracket in _BRACKETS.finditer(_STRINGS.sub("", text)):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > NESTING_LEVELS_MAX:
            return True
    return False
