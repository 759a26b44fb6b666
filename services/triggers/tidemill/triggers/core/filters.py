"""Event filters: what `with` asks of each attribute, compiled to tests that answer yes or no.

A value in `with` is an expression, a literal that must be equal, or a regular expression (a string from `^`
to `$`). An expression sees the attribute's value as `.`; a boolean answer is the verdict, any other
answer must equal the attribute's value. An expression that fails does not match.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from tidemill.dsl.patterns import compile_pattern, is_pattern
from tidemill.json import Json
from tidemill.triggers.core.conditions import Evaluation, EvaluationError, EventFilter, Test
from tidemill.triggers.core.evaluation import compile_value, is_expression
from tidemill.triggers.core.event import Event, attribute_text

Read = Callable[[Event], Json]
Find = Callable[[bytes], object]

_TYPE: Final = "type"
_DATA: Final = "data"


class FilterError(ValueError):
    """A filter that cannot be compiled; `pointer` is relative to the filter."""

    def __init__(self, pointer: str, message: str) -> None:
        super().__init__(message)
        self.pointer = pointer
        self.message = message


def compile_filter(properties: Mapping[str, Json]) -> EventFilter:
    """Compile the `with` of an event filter; raises FilterError."""
    event_type = properties.get(_TYPE)
    literal_type = event_type if isinstance(event_type, str) and _is_literal(event_type) else ""
    tests = tuple(
        _compile_test(name, wanted)
        for name, wanted in properties.items()
        if not (name == _TYPE and literal_type)
    )
    return EventFilter(literal_type, tests)


def equal(left: Json, right: Json) -> bool:
    """Equality of JSON values: numbers by value, and a boolean is no number (as it is in Python)."""
    match left, right:
        case bool(), bool():
            return left == right
        case (bool(), _) | (_, bool()):
            return False
        case dict(), dict():
            return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
        case list(), list():
            return len(left) == len(right) and all(map(equal, left, right))
        case _:
            return left == right


def _is_literal(text: str) -> bool:
    return not is_expression(text) and not is_pattern(text)


def _compile_test(name: str, wanted: Json) -> Test:
    read = _reader(name)
    if isinstance(wanted, str) and is_pattern(wanted):
        return partial(_matches, read, _compile_pattern(name, wanted))
    try:
        compiled = compile_value(wanted)
    except EvaluationError as error:
        raise FilterError(f"/with/{name}{error.pointer}", str(error)) from None
    if compiled is None:
        return partial(_equals, read, wanted if name == _DATA else attribute_text(wanted))
    return partial(_holds, read, compiled)


def _compile_pattern(name: str, text: str) -> Find:
    try:
        # Bytes in and out spare the engine's wrapper a translation of offsets that nobody reads.
        find: Find = compile_pattern(text).search
    except ValueError as error:
        raise FilterError(f"/with/{name}", f"not a regular expression: {error}") from None
    return find


def _reader(name: str) -> Read:
    return _data if name == _DATA else partial(_attribute, name)


def _data(event: Event) -> Json:
    return event.value


def _attribute(name: str, event: Event) -> Json:
    return event.envelope().get(name)


def _equals(read: Read, wanted: Json, event: Event) -> bool:
    return equal(read(event), wanted)


def _matches(read: Read, find: Find, event: Event) -> bool:
    value = read(event)
    return isinstance(value, str) and find(value.encode()) is not None


def _holds(read: Read, evaluation: Evaluation, event: Event) -> bool:
    value = read(event)
    try:
        answer = evaluation(value, event.accepted_at_us)
    except EvaluationError:
        return False
    if isinstance(answer, bool):
        return answer
    return answer is not None and equal(answer, value)
