"""The requests of calls, compiled: what is asked of the Action service."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Protocol

from tidemill.dsl import PROTOCOLS
from tidemill.dsl.problems import refusal
from tidemill.dsl.references import resolve_authentication
from tidemill.engine.core.compiler import is_expression, members
from tidemill.engine.core.evaluation import Evaluator
from tidemill.engine.core.secrets import SecretTexts, reference
from tidemill.engine.core.uri_templates import UriTemplate
from tidemill.expressions import Template
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler

HTTP_ACTION: Final = "http"


class Request(Protocol):
    """One kind of call."""

    @property
    def action(self) -> str:
        """The name of the action."""
        ...

    @property
    def is_constant(self) -> bool:
        """Whether the arguments are the same for every input."""
        ...

    @property
    def secrets(self) -> SecretTexts:
        """Where secrets belong in the arguments."""
        ...

    def arguments(self, evaluator: Evaluator, value: Json, variables: Mapping[str, Json]) -> Json:
        """The resolved arguments for a transformed input. May raise one of FAULTS."""
        ...


def compile_request(definition: dict[str, Json], pointer: str, compiler: "Compiler") -> Request:
    """Compile a `call` with its `with`; raises DocumentError for what cannot be called yet."""
    called = str(definition.get("call"))
    given = definition.get("with")
    if called == HTTP_ACTION:
        return HttpRequest(members(given), f"{pointer}/with", compiler)
    if called in PROTOCOLS:
        raise refusal(f"`call: {called}` cannot be run yet", f"{pointer}/call")
    if ":" not in called or "@" in called or "/" in called:
        raise refusal(f"there is no function `{called:.80}` that can be called yet", f"{pointer}/call")
    return FunctionRequest(called, given or {}, f"{pointer}/with", compiler)


class FunctionRequest:
    """A call of a registered function, `name:version`: its arguments are its `with`."""

    __slots__ = ("_arguments", "action", "secrets")

    def __init__(self, action: str, given: Json, pointer: str, compiler: "Compiler") -> None:
        self.action = action
        self.secrets = SecretTexts()
        self._arguments = compiler.template(self.secrets.take_out(given), pointer)

    @property
    def is_constant(self) -> bool:
        return self._arguments.constant and self.secrets.is_constant

    def arguments(self, evaluator: Evaluator, value: Json, variables: Mapping[str, Json]) -> Json:
        return evaluator.evaluate(self._arguments, value, variables)


class HttpRequest:
    """A call over HTTP: the arguments are its `with`, with the URI expanded and the authentication inline."""

    __slots__ = ("_authentication", "_is_object", "_others", "_uri", "_uri_template", "secrets")

    action = HTTP_ACTION

    def __init__(self, given: Mapping[str, Json], pointer: str, compiler: "Compiler") -> None:
        self.secrets = SecretTexts()
        taken = self.secrets.take_out(_with_policy(given, pointer, compiler))
        assert isinstance(taken, dict)
        given, endpoint = taken, taken.get("endpoint")
        self._is_object = isinstance(endpoint, dict)
        uri = endpoint.get("uri") if isinstance(endpoint, dict) else endpoint
        others = {name: value for name, value in given.items() if name != "endpoint"}
        self._others = compiler.template(others, pointer)
        # Only what the author wrote is a URI template, never what an expression gives.
        self._uri = compiler.template(uri, f"{pointer}/endpoint") if is_expression(uri) else None
        self._uri_template = UriTemplate(str(uri))
        self._authentication: Template | None = None
        authentication = members(endpoint).get("authentication")
        if authentication is not None:
            self._authentication = compiler.template(authentication, f"{pointer}/endpoint/authentication")

    @property
    def is_constant(self) -> bool:
        parts = [self._others, self._uri, self._authentication]
        constant = self._uri_template.constant and all(part is None or part.constant for part in parts)
        return constant and self.secrets.is_constant

    def arguments(self, evaluator: Evaluator, value: Json, variables: Mapping[str, Json]) -> Json:
        arguments = evaluator.evaluate(self._others, value, variables)
        assert isinstance(arguments, dict)
        return {**arguments, "endpoint": self._endpoint(evaluator, value, variables)}

    def _endpoint(self, evaluator: Evaluator, value: Json, variables: Mapping[str, Json]) -> Json:
        if self._uri is None:
            uri: Json = self._uri_template.expand(value)
        else:
            uri = evaluator.evaluate(self._uri, value, variables)
        if not self._is_object:
            return uri
        endpoint: dict[str, Json] = {"uri": uri}
        if self._authentication is not None:
            endpoint["authentication"] = evaluator.evaluate(self._authentication, value, variables)
        return endpoint


def _with_policy(given: Mapping[str, Json], pointer: str, compiler: "Compiler") -> dict[str, Json]:
    """The `with` of an HTTP call with the authentication itself in the place of its name."""
    endpoint = given.get("endpoint")
    if not isinstance(endpoint, dict) or endpoint.get("authentication") is None:
        return dict(given)
    place = f"{pointer}/endpoint/authentication"
    return {
        **given,
        "endpoint": {**endpoint, "authentication": policy(endpoint["authentication"], place, compiler)},
    }


def policy(authentication: Json, pointer: str, compiler: "Compiler") -> dict[str, Json]:
    """The authentication that is meant, with the secret in the place of values that a scheme takes from it.

    Raises DocumentError.
    """
    resolved = compiler.resolve(resolve_authentication, authentication, pointer)
    return {scheme: _values(values) for scheme, values in resolved.items()}


def _values(values: Json) -> Json:
    name = values.get("use") if isinstance(values, dict) else None
    return reference(name) if isinstance(name, str) else values
