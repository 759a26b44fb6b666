"""Event filters: what `with` asks of each attribute, compiled to tests that answer yes or no.

A value in `with` is an expression, a literal that must be equal, or a regular expression (a string from `^`
to `$`). An expression sees the attribute's value as `.`; a boolean answer is the verdict, any other
answer must equal the attribute's value. An expression that fails does not match.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from tidemill.dsl.patterns import compile_pattern, is_pattern
from tidemill.expressions import (
    Expression,
    ExpressionError,
    Template,
    TemplateError,
    compile_template,
    expression_source,
)
from tidemill.json import Json

Envelope: TypeAlias = Mapping[str, Json]
# Evaluates with whatever variables and budget its owner has; may raise ExpressionError.
Evaluate: TypeAlias = Callable[[Expression | Template, Json], Json]
Test: TypeAlias = Callable[[Envelope, Evaluate], bool]

TYPE: Final = "type"
DATA: Final = "data"


class FilterError(ValueError):
    """A filter that cannot be compiled; `pointer` is relative to the filter."""

    def __init__(self, pointer: str, message: str) -> None:
        super().__init__(message)
        self.pointer = pointer
        self.message = message


@dataclass(frozen=True, slots=True)
class EventFilter:
    """A compiled filter. `event_type` is the literal type that it asks for, empty when there is none."""

    event_type: str
    tests: tuple[Test, ...]

    def passes(self, envelope: Envelope, evaluate: Evaluate) -> bool:
        """Whether the event is as the filter asks."""
        if self.event_type and envelope.get(TYPE) != self.event_type:
            return False
        return all(test(envelope, evaluate) for test in self.tests)


def compile_filter(properties: Mapping[str, Json], variables: Collection[str] = ()) -> EventFilter:
    """Compile the `with` of a filter whose expressions may use these variables; raises FilterError."""
    event_type = properties.get(TYPE)
    literal_type = event_type if isinstance(event_type, str) and is_literal(event_type) else ""
    names = frozenset(variables)
    tests = tuple(
        _compile_test(name, wanted, names)
        for name, wanted in properties.items()
        if not (name == TYPE and literal_type)
    )
    return EventFilter(literal_type, tests)


def is_literal(text: str) -> bool:
    """Whether a text in `with` stands for itself."""
    return expression_source(text) is None and not is_pattern(text)


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


def attribute_text(value: Json) -> Json:
    """An attribute as CloudEvents writes it, as text; what is no number or boolean comes back as it is."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case _:
            return value


def _compile_test(name: str, wanted: Json, variables: frozenset[str]) -> Test:
    if isinstance(wanted, str) and is_pattern(wanted):
        return partial(_matches, name, _compile_pattern(name, wanted))
    try:
        template = compile_template(wanted, variables=variables)
    except TemplateError as error:
        raise FilterError(f"/with/{name}{error.pointer}", str(error.cause)) from None
    if template.constant:
        return partial(_equals, name, wanted if name == DATA else attribute_text(wanted))
    return partial(_holds, name, template)


def _compile_pattern(name: str, text: str) -> Callable[[bytes], object]:
    try:
        # Bytes in and out spare the engine's wrapper a translation of offsets that nobody reads.
        find: Callable[[bytes], object] = compile_pattern(text).search
    except ValueError as error:
        raise FilterError(f"/with/{name}", f"not a regular expression: {error}") from None
    return find


def _equals(name: str, wanted: Json, envelope: Envelope, _: Evaluate) -> bool:
    return equal(envelope.get(name), wanted)


def _matches(name: str, find: Callable[[bytes], object], envelope: Envelope, _: Evaluate) -> bool:
    value = envelope.get(name)
    return isinstance(value, str) and find(value.encode()) is not None


def _holds(name: str, template: Template, envelope: Envelope, evaluate: Evaluate) -> bool:
    value = envelope.get(name)
    try:
        answer = evaluate(template, value)
    except ExpressionError:
        return False
    if isinstance(answer, bool):
        return answer
    return answer is not None and equal(answer, value)
