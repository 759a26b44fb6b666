"""Says what is wrong with an expression in its scope, looking into each text once."""

from dataclasses import dataclass, field
from typing import Final

from tidemill.dsl import limits
from tidemill.dsl.references import UnknownReferenceError, lookup
from tidemill.dsl.scopes import Scope
from tidemill.dsl.secrets import is_plain_use, secret_names
from tidemill.expressions import ExpressionSyntaxError, compile_expression
from tidemill.json import Json

_SECRETS: Final = "secrets"
_SECRETS_ELSEWHERE: Final = "`$secrets` may stand only in the `with` of outside calls and in authentication"
_SECRETS_MANGLED: Final = (
    "`$secrets` may be used only as a direct path such as `$secrets.name.key`, or in a text such as "
    '`"Bearer \\($secrets.name)"`'
)


@dataclass(frozen=True, slots=True)
class _Known:
    """What an expression is, wherever it stands: what is wrong with it, and the variables that it uses."""

    fault: str = ""
    variables: frozenset[str] = frozenset()
    uses_secrets: bool = False
    secrets_fault: str = ""


@dataclass(slots=True)
class Compiler:
    """Compiles to find faults only; what it may compile in one document is bounded."""

    document: Json
    known: dict[str, _Known] = field(default_factory=dict)
    characters: int = 0

    def fault(self, source: str, scope: Scope) -> str:
        """The sentence for an expression (without its `${ }`) that does not fit its scope; else empty."""
        known = self.known.get(source)
        if known is None:
            if not self.spend(len(source)):
                limit = limits.DOCUMENT_EXPRESSION_CHARACTERS_MAX
                return f"the expressions have more than {limit} characters together"
            known = self.known[source] = self._look_into(source)
        return known.fault or _scope_fault(known, scope)

    def spend(self, characters: int) -> bool:
        """Take from what this check may cost; whether there was enough."""
        self.characters += characters
        return self.characters <= limits.DOCUMENT_EXPRESSION_CHARACTERS_MAX

    def _look_into(self, source: str) -> _Known:
        try:
            variables = compile_expression(source).variables
        except ExpressionSyntaxError as error:
            return _Known(f"this expression is not accepted: {error.message}")
        if _SECRETS not in variables:
            return _Known(variables=variables)
        secrets_fault = self._unknown_secret(source) if is_plain_use(source) else _SECRETS_MANGLED
        return _Known("", variables - {_SECRETS}, uses_secrets=True, secrets_fault=secrets_fault)

    def _unknown_secret(self, source: str) -> str:
        try:
            for name in secret_names(source):
                lookup(self.document, _SECRETS, name)
        except UnknownReferenceError as unknown:
            return str(unknown)
        return ""


def _scope_fault(known: _Known, scope: Scope) -> str:
    if known.uses_secrets and not scope.secrets:
        return _SECRETS_ELSEWHERE
    if known.secrets_fault:
        return known.secrets_fault
    allowed = scope.variables
    unknown = () if allowed is None else sorted(known.variables - allowed)
    if not unknown:
        return ""
    names = ", ".join(f"`${name}`" for name in sorted(allowed or ())) or "no variables"
    return f"`${unknown[0]:.80}` is not known here; there are {names}"
