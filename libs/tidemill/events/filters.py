"""Event filters: what `with` asks of each attribute, compiled to tests that answer yes or no.

A value in `with` is an expression, a literal that must be equal, or a regular expression (a string from `^`
to `$`). An expression sees the attribute's value as `.`; a boolean answer is the verdict, any other
answer must equal the attribute's value. An expression that fails does not match.
"""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Final, TypeAlias

from tidemill.dsl.patterns import compile_pattern, is_pattern
from tidemill.dsl.pointers import child
from tidemill.events.envelopes import attribute_text
from tidemill.expressions import (
    Expression,
    ExpressionError,
    Template,
    TemplateError,
    compile_template,
    expression_source,
)
from tidemill.json import Json

# What evaluates the expressions of a filter, with the variables and at the time that the caller knows.
# It may raise ExpressionError.
Evaluate: TypeAlias = Callable[[Expression | Template, Json], Json]
Find: TypeAlias = Callable[[bytes], object]
_Test: TypeAlias = Callable[[Mapping[str, Json], Evaluate], bool]

_TYPE: Final = "type"
_DATA: Final = "data"


class FilterError(ValueError):
    """A filter that cannot be compiled; `pointer` is relative to the filter."""

    def __init__(self, pointer: str, message: str) -> None:
        super().__init__(message)
        self.pointer = pointer
        self.message = message


class EventFilter:
    """A compiled filter. `event_type` is the literal type that it asks for, empty when there is none."""

    __slots__ = ("_tests", "event_type")

    def __init__(self, event_type: str, tests: tuple[_Test, ...]) -> None:
        self.event_type = event_type
        self._tests = tests

    @property
    def asks_type_alone(self) -> bool:
        """Whether every event of its type passes: who found the filter by that type need not ask."""
        return not self._tests

    def passes(self, envelope: Mapping[str, Json], evaluate: Evaluate) -> bool:
        """Whether an event in the CloudEvents JSON format is as the filter asks."""
        if self.event_type and envelope.get(_TYPE) != self.event_type:
            return False
        # A loop and not `all`: this runs for every event and every filter of its type.
        for test in self._tests:  # noqa: SIM110
            if not test(envelope, evaluate):
                return False
        return True


def compile_filter(properties: Mapping[str, Json], variables: Collection[str] = ()) -> EventFilter:
    """Compile the `with` of an event filter, whose expressions may use `variables`; raises FilterError."""
    event_type = literal_type(properties)
    allowed = frozenset(variables)
    tests = tuple(
        _compile_test(name, wanted, allowed)
        for name, wanted in properties.items()
        if not (name == _TYPE and event_type)
    )
    return EventFilter(event_type, tests)


def literal_type(properties: Mapping[str, Json]) -> str:
    """The one event type that a `with` asks for; empty when it may be several."""
    event_type = properties.get(_TYPE)
    is_literal = (
        isinstance(event_type, str) and expression_source(event_type) is None and not is_pattern(event_type)
    )
    return str(event_type) if is_literal else ""


def compile_value(name: str, wanted: Json, variables: frozenset[str] | None) -> Template | None:
    """Compile what `with` wants of an attribute; None for a regular expression. Raises FilterError.

    `variables` are those that expressions may use, None for any.
    """
    if isinstance(wanted, str) and is_pattern(wanted):
        return None
    try:
        return compile_template(wanted, variables=variables)
    except TemplateError as error:
        raise FilterError(f"{_pointer(name)}{error.pointer}", str(error.cause)) from None


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


def _compile_test(name: str, wanted: Json, variables: frozenset[str]) -> _Test:
    template = compile_value(name, wanted, variables)
    if template is None:
        return partial(_matches, name, _compile_pattern(name, str(wanted)))
    if template.constant:
        return partial(_equals, name, wanted if name == _DATA else attribute_text(wanted))
    return partial(_holds, name, template)


def _compile_pattern(name: str, text: str) -> Find:
    try:
        # Bytes in and out spare the engine's wrapper a translation of offsets that nobody reads.
        find: Find = compile_pattern(text).search
    except ValueError as error:
        raise FilterError(_pointer(name), f"not a regular expression: {error}") from None
    return find


def _pointer(name: str) -> str:
    return child("/with", name)


def _equals(name: str, wanted: Json, envelope: Mapping[str, Json], _evaluate: Evaluate) -> bool:
    return equal(envelope.get(name), wanted)


def _matches(name: str, find: Find, envelope: Mapping[str, Json], _evaluate: Evaluate) -> bool:
    value = envelope.get(name)
    return isinstance(value, str) and find(value.encode()) is not None


def _holds(name: str, template: Template, envelope: Mapping[str, Json], evaluate: Evaluate) -> bool:
    value = envelope.get(name)
    try:
        answer = evaluate(template, value)
    except ExpressionError:
        return False
    if isinstance(answer, bool):
        return answer
    return answer is not None and equal(answer, value)
