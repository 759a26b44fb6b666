"""Says what is wrong with an expression, compiling each text once for each set of variables."""

from dataclasses import dataclass, field
from typing import Final, TypeAlias

from tidemill.dsl import limits
from tidemill.dsl.rules.secrets import secrets_fault
from tidemill.dsl.scopes import Scope
from tidemill.expressions import ExpressionSyntaxError, compile_expression

_SECRETS: Final = "secrets"

Variables: TypeAlias = frozenset[str] | None


@dataclass(slots=True)
class Compiler:
    """Compiles to find faults only; what it may compile in one document is bounded."""

    faults: dict[tuple[str, Variables, bool], str] = field(default_factory=dict)
    characters: int = 0

    def fault(self, source: str, scope: Scope) -> str:
        """The sentence for an expression (without its `${ }`) that does not compile here; else empty."""
        key = (source, scope.variables, scope.secrets)
        known = self.faults.get(key)
        if known is None:
            if not self.spend(len(source)):
                limit = limits.DOCUMENT_EXPRESSION_CHARACTERS_MAX
                return f"the expressions have more than {limit} characters together"
            known = self.faults[key] = _fault(*key)
        return known

    def spend(self, characters: int) -> bool:
        """Take from what this check may cost; whether there was enough."""
        self.characters += characters
        return self.characters <= limits.DOCUMENT_EXPRESSION_CHARACTERS_MAX


def _fault(source: str, variables: Variables, secrets: bool) -> str:
    known = None if variables is None else variables | {_SECRETS}
    try:
        expression = compile_expression(source, variables=known)
    except ExpressionSyntaxError as error:
        return f"this expression is not accepted: {error.message}"
    return secrets_fault(source, allowed=secrets) if _SECRETS in expression.variables else ""
