"""The constant part of an event filter, by which lanes find who waits for an event.

All waits that come from one filter share their shape. What differs between them is the digest of the
correlation values that they expect, so that finding them takes no longer for many than for few. A shape lets
through more than its filter takes, never less: the execution decides.
"""

import hashlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from tidemill.events.filters import Envelope, EventFilter, compile_filter
from tidemill.expressions import (
    Expression,
    ExpressionError,
    Template,
    TemplateError,
    compile_condition,
    compile_template,
)
from tidemill.json import Json, dumps_canonical, loads

DIGEST_BYTES: Final = 16
_NO_NAMES: Final[frozenset[str]] = frozenset()
_NO_VARIABLES: Final[Mapping[str, Json]] = MappingProxyType({})


def shape_of(definition: Mapping[str, Json]) -> bytes:
    """The shape of one event filter, as canonical JSON: without the values that depend on variables."""
    attributes = _members(definition.get("with"))
    constant = {name: value for name, value in attributes.items() if _is_constant(value)}
    correlate: dict[str, Json] = {}
    for name, value in _members(definition.get("correlate")).items():
        correlate[name] = str(_members(value).get("from"))
    return dumps_canonical({"with": constant, "correlate": correlate})


def shape_id(shape: bytes) -> bytes:
    """The name of a shape: the first 16 bytes of its SHA-256."""
    return hashlib.sha256(shape).digest()[:DIGEST_BYTES]


class Shape:
    """A compiled shape. `names` are those of its correlation values, in order."""

    __slots__ = ("_filter", "_sources", "event_type", "names")

    def __init__(self, event_filter: EventFilter, sources: Mapping[str, Expression]) -> None:
        self._filter = event_filter
        self._sources = sources
        self.event_type = event_filter.event_type
        self.names = tuple(sorted(sources))

    def passes(self, envelope: Envelope, now_us: int) -> bool:
        """Whether the filter may take the event."""
        return self._filter.passes(envelope, _evaluate_at(now_us))

    def values(self, envelope: Envelope, now_us: int) -> dict[str, Json] | None:
        """The event's correlation values; None when it lacks one: then it correlates with nothing."""
        evaluate = _evaluate_at(now_us)
        found: dict[str, Json] = {}
        for name in self.names:
            try:
                found[name] = evaluate(self._sources[name], dict(envelope))
            except ExpressionError:
                return None
            if found[name] is None:
                return None
        return found


def compile_shape(shape: bytes) -> Shape:
    """Compile a shape; raises FilterError or ExpressionSyntaxError for one that `shape_of` did not make."""
    parts = _members(loads(shape))
    sources = {
        name: compile_condition(str(source)) for name, source in _members(parts.get("correlate")).items()
    }
    return Shape(compile_filter(_members(parts.get("with"))), sources)


def correlation_key(values: Mapping[str, Json]) -> bytes:
    """The digest of correlation values by name; numbers that are equal give the same one."""
    plain = {name: _plain(values[name]) for name in sorted(values)}
    return hashlib.sha256(dumps_canonical(plain)).digest()[:DIGEST_BYTES]


def _plain(value: Json) -> Json:
    match value:
        case float() if value.is_integer() and abs(value) < 2**63:
            return int(value)
        case list():
            return [_plain(item) for item in value]
        case dict():
            return {name: _plain(item) for name, item in value.items()}
        case _:
            return value


def _is_constant(value: Json) -> bool:
    try:
        compile_template(value, variables=_NO_NAMES)
    except TemplateError:
        return False
    return True


def _evaluate_at(now_us: int) -> Callable[[Expression | Template, Json], Json]:
    def evaluate(formula: Expression | Template, value: Json) -> Json:
        return formula.evaluate(value, _NO_VARIABLES, now_us=now_us)

    return evaluate


def _members(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}
