"""The requests of calls, compiled: what is asked of the Action service."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Protocol

from tidemill.dsl.problems import refusal
from tidemill.engine.core.agent_requests import AGENT_PROTOCOLS, AgentRequest
from tidemill.engine.core.asyncapi.publishing import AsyncApiPublish
from tidemill.engine.core.compiler import members
from tidemill.engine.core.endpoints import Endpoint, with_policy
from tidemill.engine.core.evaluation import Evaluator
from tidemill.engine.core.grpc_request import GRPC_ACTION, GrpcRequest
from tidemill.engine.core.openapi.request import OpenApiRequest
from tidemill.engine.core.secrets import SecretTexts
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler

HTTP_ACTION: Final = "http"
OPENAPI: Final = "openapi"
ASYNCAPI: Final = "asyncapi"


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
    if called == OPENAPI:
        return OpenApiRequest(members(given), f"{pointer}/with", compiler)
    if called == ASYNCAPI:
        return AsyncApiPublish(members(given), f"{pointer}/with", compiler)
    if called == GRPC_ACTION:
        return GrpcRequest(members(given), f"{pointer}/with", compiler)
    if called in AGENT_PROTOCOLS:
        return AgentRequest(called, members(given), f"{pointer}/with", compiler)
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

    __slots__ = ("_endpoint", "_others", "secrets")

    action = HTTP_ACTION

    def __init__(self, given: Mapping[str, Json], pointer: str, compiler: "Compiler") -> None:
        self.secrets = SecretTexts()
        place = f"{pointer}/endpoint"
        taken = self.secrets.take_out(
            {**given, "endpoint": with_policy(given.get("endpoint"), place, compiler)}
        )
        assert isinstance(taken, dict)
        self._endpoint = Endpoint(taken.pop("endpoint"), place, compiler)
        self._others = compiler.template(taken, pointer)

    @property
    def is_constant(self) -> bool:
        return self._others.constant and self._endpoint.is_constant and self.secrets.is_constant

    def arguments(self, evaluator: Evaluator, value: Json, variables: Mapping[str, Json]) -> Json:
        arguments = evaluator.evaluate(self._others, value, variables)
        assert isinstance(arguments, dict)
        return {**arguments, "endpoint": self._endpoint.resolve(evaluator, value, variables)}
