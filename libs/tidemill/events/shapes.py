"""Shapes: the part of an event filter that needs no variables, by which a lane finds who waits for an event.

All executions that wait at one filter share its shape, and those with the same correlation values a key. A
shape lets through all that the filter takes, and more where the filter uses variables.
"""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from tidemill.dsl.pointers import child
from tidemill.events.filters import Evaluate, EventFilter, FilterError, compile_filter, compile_value
from tidemill.expressions import (
    Expression,
    ExpressionError,
    ExpressionSyntaxError,
    Template,
    compile_condition,
)
from tidemill.json import INTEGER_MAX, INTEGER_MIN, Json, dumps_canonical, loads

SHAPES_COMPILED_MAX: Final = 4_096
DIGEST_BYTES: Final = 16
_NO_NAMES: Final[frozenset[str]] = frozenset()


class Shape:
    """A compiled shape. `names` are those of its correlation values, sorted."""

    __slots__ = ("_filter", "_values", "names")

    def __init__(self, event_filter: EventFilter, values: Mapping[str, Expression]) -> None:
        self._filter = event_filter
        self._values = values
        self.names = tuple(values)

    @property
    def event_type(self) -> str:
        """The literal type that it asks for, empty when there is none."""
        return self._filter.event_type

    def passes(self, envelope: Mapping[str, Json], now_us: int) -> bool:
        """Whether an event may pass the filter; `now_us` is what `now` gives in its expressions."""
        return self._filter.passes(envelope, _evaluate_at(now_us))

    def values(self, envelope: dict[str, Json], now_us: int) -> dict[str, Json] | None:
        """The correlation values by name; None when one fails or is null: the event does not correlate."""
        values: dict[str, Json] = {}
        for name, expression in self._values.items():
            try:
                value = expression.evaluate(envelope, now_us=now_us)
            except ExpressionError:
                return None
            if value is None:
                return None
            values[name] = value
        return values


def shape_of(definition: Mapping[str, Json]) -> bytes:
    """The shape of an event filter: canonical JSON, `{"with": {...}, "correlate": {name: from, ...}}`.

    What uses a variable is left out of `with`. Raises FilterError for a filter that does not compile, and for
    a `from` with variables: it says what an event's value is, whoever waits for it.
    """
    properties = {
        name: wanted
        for name, wanted in _members(definition, "with").items()
        if not _uses_variables(name, wanted)
    }
    correlations = _members(definition, "correlate")
    sources: dict[str, Json] = {name: _source(name, given) for name, given in correlations.items()}
    compile_filter(properties)
    return dumps_canonical({"with": properties, "correlate": sources})


def shape_id(shape: bytes) -> bytes:
    """What a shape is known by: the first 16 bytes of its SHA-256."""
    return hashlib.sha256(shape).digest()[:DIGEST_BYTES]


@lru_cache(maxsize=SHAPES_COMPILED_MAX)
def compile_shape(shape: bytes) -> Shape:
    """Compile what `shape_of` gave, or give the one that was compiled before. Raises FilterError."""
    read = loads(shape, field="shape")
    if not isinstance(read, dict):
        raise FilterError("", "a shape is an object")
    correlations = _members(read, "correlate")
    values = {name: _compile_source(name, correlations[name]) for name in sorted(correlations)}
    return Shape(compile_filter(_members(read, "with")), values)


def correlation_key(values: Mapping[str, Json]) -> bytes:
    """The digest of correlation values by name, 16 bytes: equal for equal values, 1 and 1.0 among them."""
    return hashlib.sha256(dumps_canonical(_by_value(dict(values)))).digest()[:DIGEST_BYTES]


def _evaluate_at(now_us: int) -> Evaluate:
    def evaluate(formula: Expression | Template, value: Json) -> Json:
        return formula.evaluate(value, now_us=now_us)

    return evaluate


def _uses_variables(name: str, wanted: Json) -> bool:
    template = compile_value(name, wanted, None)
    return template is not None and bool(template.variables)


def _source(name: str, given: Json) -> str:
    """The text of a correlation's `from`, once it is known to compile."""
    source = given.get("from") if isinstance(given, dict) else None
    _compile_source(name, source)
    return str(source)


def _compile_source(name: str, source: Json) -> Expression:
    pointer = f"{child('/correlate', name)}/from"
    if not isinstance(source, str):
        raise FilterError(pointer, "a correlation needs `from`, an expression on the event")
    try:
        return compile_condition(source, _NO_NAMES)
    except ExpressionSyntaxError as error:
        raise FilterError(pointer, f"an expression on the event alone: {error}") from None


def _members(definition: Mapping[str, Json], name: str) -> dict[str, Json]:
    given = definition.get(name)
    if given is not None and not isinstance(given, dict):
        raise FilterError(f"/{name}", "must be an object")
    return given or {}


def _by_value(value: Json) -> Json:
    """The value with whole numbers as integers: two that are equal are then written the same."""
    match value:
        case float() if value.is_integer() and INTEGER_MIN <= value <= INTEGER_MAX:
            return int(value)
        case list():
            return [_by_value(item) for item in value]
        case dict():
            return {key: _by_value(item) for key, item in value.items()}
        case _:
            return value
