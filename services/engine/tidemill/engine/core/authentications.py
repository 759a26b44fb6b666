"""Authentication of calls, compiled: its texts are evaluated, the authority of tokens is a URI template."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tidemill.engine.core.compiler import is_expression, members
from tidemill.engine.core.evaluation import Evaluator
from tidemill.engine.core.uri_templates import UriTemplate
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler


class Authentication:
    """One scheme with its values."""

    __slots__ = ("_authorities", "_template")

    def __init__(self, authentication: dict[str, Json], pointer: str, compiler: "Compiler") -> None:
        """`authentication` is what `policy` gives, its secrets taken out. Raises DocumentError."""
        self._template = compiler.template(authentication, pointer)
        written = {scheme: members(values).get("authority") for scheme, values in authentication.items()}
        # Only what the author wrote is a URI template, never what an expression gives.
        self._authorities = {
            scheme: UriTemplate(text)
            for scheme, text in written.items()
            if isinstance(text, str) and not is_expression(text)
        }

    @property
    def is_constant(self) -> bool:
        """Whether it is the same for every input."""
        return self._template.constant and all(text.constant for text in self._authorities.values())

    def resolve(self, evaluator: Evaluator, value: Json, variables: Mapping[str, Json]) -> Json:
        """The authentication for a transformed input. May raise one of FAULTS."""
        resolved = dict(members(evaluator.evaluate(self._template, value, variables)))
        for scheme, text in self._authorities.items():
            resolved[scheme] = {**members(resolved[scheme]), "authority": text.expand(value)}
        return resolved
