"""Endpoints of calls, compiled: where a request goes, and how it proves who it is from."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tidemill.dsl.references import resolve_authentication
from tidemill.engine.core.authentications import Authentication
from tidemill.engine.core.compiler import is_expression
from tidemill.engine.core.evaluation import Evaluator
from tidemill.engine.core.secrets import reference
from tidemill.engine.core.uri_templates import UriTemplate
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler


class Endpoint:
    """An endpoint, with its URI to expand and its authentication inline."""

    __slots__ = ("_authentication", "_is_object", "_uri", "_uri_template")

    def __init__(self, endpoint: Json, pointer: str, compiler: "Compiler") -> None:
        """`endpoint` is what `with_policy` gives, its secrets taken out. Raises DocumentError."""
        self._is_object = isinstance(endpoint, dict)
        uri = endpoint.get("uri") if isinstance(endpoint, dict) else endpoint
        # Only what the author wrote is a URI template, never what an expression gives.
        self._uri = compiler.template(uri, pointer) if is_expression(uri) else None
        self._uri_template = UriTemplate(str(uri))
        authentication = endpoint.get("authentication") if isinstance(endpoint, dict) else None
        self._authentication: Authentication | None = None
        if isinstance(authentication, dict):
            self._authentication = Authentication(authentication, f"{pointer}/authentication", compiler)

    @property
    def is_constant(self) -> bool:
        """Whether it is the same for every input."""
        is_uri_constant = self._uri_template.constant and (self._uri is None or self._uri.constant)
        return is_uri_constant and (self._authentication is None or self._authentication.is_constant)

    def resolve(self, evaluator: Evaluator, value: Json, variables: Mapping[str, Json]) -> Json:
        """The endpoint for a transformed input, in the form it was written in. May raise one of FAULTS."""
        if self._uri is None:
            uri: Json = self._uri_template.expand(value)
        else:
            uri = evaluator.evaluate(self._uri, value, variables)
        if not self._is_object:
            return uri
        endpoint: dict[str, Json] = {"uri": uri}
        if self._authentication is not None:
            endpoint["authentication"] = self._authentication.resolve(evaluator, value, variables)
        return endpoint


def with_policy(endpoint: Json, pointer: str, compiler: "Compiler") -> Json:
    """The endpoint with the authentication itself in the place of its name. Raises DocumentError."""
    if not isinstance(endpoint, dict) or endpoint.get("authentication") is None:
        return endpoint
    place = f"{pointer}/authentication"
    return {**endpoint, "authentication": policy(endpoint["authentication"], place, compiler)}


def policy(authentication: Json, pointer: str, compiler: "Compiler") -> dict[str, Json]:
    """The authentication that is meant, with the secret in the place of values that a scheme takes from it.

    Raises DocumentError.
    """
    resolved = compiler.resolve(resolve_authentication, authentication, pointer)
    return {scheme: _values(values) for scheme, values in resolved.items()}


def _values(values: Json) -> Json:
    name = values.get("use") if isinstance(values, dict) else None
    return reference(name) if isinstance(name, str) else values
