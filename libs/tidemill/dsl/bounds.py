"""Looks at a whole JSON value once, before anything else does: is it small, shallow and clean enough."""

import math
from typing import Final, NamedTuple

from tidemill.dsl import limits
from tidemill.dsl.pointers import escape
from tidemill.dsl.problems import Problem
from tidemill.json import INTEGER_MAX, INTEGER_MIN, Json


class RepeatedKey(dict[str, Json]):
    """Stands for an object that has a key twice, from reading until the scan refuses it."""

    def __init__(self, pairs: list[tuple[str, Json]], key: str) -> None:
        super().__init__(pairs)
        self.key = key


def scan(document: Json) -> Problem | None:
    """Find the first thing that no document may hold; None when there is none.

    Goes without recursion and stops at the first fault, so any value is safe to give.
    """
    nodes, characters = 1, 0
    waiting: list[_Place] = [_Place(document, "", None, 0)]
    while waiting:
        place = waiting.pop()
        nodes += len(place.value) if isinstance(place.value, dict | list) else 0
        characters += _characters(place.value)
        fault = _size_fault(nodes, characters, place.level) or _fault(place.value)
        if fault:
            return Problem(_pointer(place), fault)
        waiting.extend(_inside(place))
    return None


class _Place(NamedTuple):
    value: object
    token: object
    parent: "_Place | None"
    level: int


def _inside(place: _Place) -> list[_Place]:
    """The members, last first, so that the first is looked at next."""
    match place.value:
        case dict() as members:
            return [_Place(item, key, place, place.level + 1) for key, item in reversed(members.items())]
        case list() as items:
            last = len(items) - 1
            return [
                _Place(item, last - back, place, place.level + 1) for back, item in enumerate(reversed(items))
            ]
        case _:
            return []


def _pointer(place: _Place) -> str:
    tokens = []
    while place.parent is not None:
        tokens.append(escape(str(place.token)))
        place = place.parent
    return "".join(f"/{token}" for token in reversed(tokens))


def _characters(value: object) -> int:
    """The texts of a value; aliases can repeat a long one many times over."""
    if isinstance(value, dict):
        return sum(len(key) for key in value if isinstance(key, str))
    return len(value) if isinstance(value, str) else 0


def _size_fault(nodes: int, characters: int, level: int) -> str:
    if nodes > limits.DOCUMENT_NODES_MAX:
        return f"the document has more than {limits.DOCUMENT_NODES_MAX} values"
    if level > limits.DOCUMENT_LEVELS_MAX:
        return f"the document is nested deeper than {limits.DOCUMENT_LEVELS_MAX} levels"
    if characters > limits.DOCUMENT_CHARACTERS_MAX:
        return (
            f"the texts of the document have more than {limits.DOCUMENT_CHARACTERS_MAX} characters together"
        )
    return ""


def _fault(value: object) -> str:
    match value:
        case None | bool():
            return ""
        case str():
            return text_fault(value)
        case int() | float():
            return number_fault(value)
        case dict():
            return _object_fault(value)
        case list():
            return ""
        case _:
            return f"{type(value).__name__} is not a JSON value"


def _object_fault(value: dict[object, object]) -> str:
    if isinstance(value, RepeatedKey):
        return f"the key `{value.key}` is given twice"
    for key in value:
        if not isinstance(key, str):
            return f"the key {key!r:.40} is not text"
        if len(key) > limits.KEY_CHARACTERS_MAX:
            return f"the key `{key:.40}...` is longer than {limits.KEY_CHARACTERS_MAX} characters"
        fault = text_fault(key)
        if fault:
            return fault
    return ""


def number_fault(number: float) -> str:
    """Say why a number cannot be kept exactly, or nothing."""
    if isinstance(number, int):
        return (
            ""
            if INTEGER_MIN <= number <= INTEGER_MAX
            else "the integer is outside the range of int64 and uint64"
        )
    return "" if math.isfinite(number) else "the number is not finite or too large"


_SURROGATES: Final = ("\ud800", "\udfff")


def text_fault(text: str) -> str:
    """Say why a text cannot be stored, or nothing."""
    if len(text) > limits.STRING_CHARACTERS_MAX:
        return f"the text is longer than {limits.STRING_CHARACTERS_MAX} characters"
    if text.isascii():
        return "the character NUL is not allowed" if "\0" in text else ""
    if "\0" in text:
        return "the character NUL is not allowed"
    if any(_SURROGATES[0] <= character <= _SURROGATES[1] for character in text):
        return "an unpaired surrogate is not a character"
    return ""
