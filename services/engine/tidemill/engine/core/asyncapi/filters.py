"""The `filter` of a subscription, as the Action service is told: it sees each message first, and only then
anybody keeps it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from tidemill.expressions import Expression
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn

# What `$workflow` and `$task` hold besides: it is large, and asked for by hardly anybody.
_DEFINITION: Final = "definition"


class MessageFilter:
    """An expression and the variables that it asks for."""

    __slots__ = ("_expression",)

    def __init__(self, given: Json, pointer: str, compiler: "Compiler") -> None:
        self._expression: Expression | None = compiler.condition(given, pointer)

    def asks_for(self, name: str) -> bool:
        """Whether it asks for a variable."""
        return self._expression is not None and name in self._expression.variables

    def as_json(self, turn: "Turn", variables: Mapping[str, Json]) -> Json:
        """The filter with what it needs to be asked elsewhere; None where any message passes.

        May raise one of FAULTS.
        """
        expression = self._expression
        if expression is None:
            return None
        known: dict[str, Json] = {
            name: self._without_definition(variables[name]) for name in sorted(expression.variables)
        }
        return {"expression": expression.source, "variables": known, "nowUs": turn.now_us}

    def _without_definition(self, value: Json) -> Json:
        assert self._expression is not None
        if _DEFINITION in self._expression.source or not isinstance(value, dict):
            return value
        return {name: item for name, item in value.items() if name != _DEFINITION}
