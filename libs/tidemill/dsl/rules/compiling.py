"""Says what is wrong with an expression, compiling each text once for each set of variables."""

from dataclasses import dataclass, field
from typing import Final

from tidemill.dsl import limits
from tidemill.dsl.rules.secrets import secrets_fault
from tidemill.expressions import ExpressionSyntaxError, compile_expression

Variables = frozenset[str] | None
_SECRETS: Final = "secrets"


@dataclass(slots=True)
class Compiler:
    """Compiles to find faults only; what it may compile in one document is bounded."""

    faults: dict[tuple[str, Variables], str] = field(default_factory=dict)
    characters: int = 0

    def fault(self, source: str, variables: Variables) -> str:
        """The sentence for an expression (without its `${ }`) that does not compile here; else empty."""
        self.characters += len(source)
        if self.characters > limits.DOCUMENT_EXPRESSION_CHARACTERS_MAX:
            limit = limits.DOCUMENT_EXPRESSION_CHARACTERS_MAX
            return f"the expressions have more than {limit} characters together"
        known = self.faults.get((source, variables))
        if known is None:
            known = self.faults[source, variables] = _fault(source, variables)
        return known


def _fault(source: str, variables: Variables) -> str:
    try:
        compile_expression(source, variables)
        return secrets_fault(source) if f"${_SECRETS}" in source else ""
    except ExpressionSyntaxError as error:
        if f"${_SECRETS}" in source and variables is not None and _SECRETS not in variables:
            return "`$secrets` may stand only in the `with` of a call and in authentication"
        return f"this expression is not accepted: {error.message}"


def unwrap(text: str) -> str | None:
    """What stands in `${ }`, when that is the whole text; else None."""
    stripped = text.strip()
    if stripped.startswith("${") and stripped.endswith("}"):
        return stripped[2:-1]
    return None
