"""Says what is wrong with an expression in its scope, compiling each text once."""

from dataclasses import dataclass, field
from typing import Final

from tidemill.dsl import limits
from tidemill.dsl.rules.secrets import secrets_fault
from tidemill.dsl.scopes import Scope
from tidemill.expressions import Expression, ExpressionSyntaxError, compile_expression

_SECRETS: Final = "secrets"


@dataclass(slots=True)
class Compiler:
    """Compiles to find faults only; what it may compile in one document is bounded."""

    known: dict[str, "Expression | str"] = field(default_factory=dict)
    characters: int = 0

    def fault(self, source: str, scope: Scope) -> str:
        """The sentence for an expression (without its `${ }`) that does not fit its scope; else empty."""
        compiled = self.known.get(source)
        if compiled is None:
            if not self.spend(len(source)):
                limit = limits.DOCUMENT_EXPRESSION_CHARACTERS_MAX
                return f"the expressions have more than {limit} characters together"
            compiled = self.known[source] = _compile(source)
        return compiled if isinstance(compiled, str) else _scope_fault(source, compiled.variables, scope)

    def spend(self, characters: int) -> bool:
        """Take from what this check may cost; whether there was enough."""
        self.characters += characters
        return self.characters <= limits.DOCUMENT_EXPRESSION_CHARACTERS_MAX


def _compile(source: str) -> "Expression | str":
    try:
        return compile_expression(source)
    except ExpressionSyntaxError as error:
        return f"this expression is not accepted: {error.message}"


def _scope_fault(source: str, used: frozenset[str], scope: Scope) -> str:
    if _SECRETS in used:
        fault = secrets_fault(source, allowed=scope.secrets)
        if fault:
            return fault
    allowed = scope.variables
    unknown = () if allowed is None else sorted(used - allowed - {_SECRETS})
    if not unknown:
        return ""
    names = ", ".join(f"`${name}`" for name in sorted(allowed or ())) or "no variables"
    return f"`${unknown[0]:.80}` is not known here; there are {names}"
