"""The requests of `call: mcp` and `call: a2a`, compiled: their `with`, with its endpoints resolved."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from tidemill.dsl.problems import refusal
from tidemill.engine.core.durations import Duration
from tidemill.engine.core.endpoints import Endpoint, with_policy
from tidemill.engine.core.evaluation import Evaluator
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.secrets import SecretTexts
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler

_Place = tuple[str, ...]

# Where endpoints stand in the `with` of each.
_PLACES: Final[Mapping[str, tuple[_Place, ...]]] = {
    "mcp": (("transport", "http", "endpoint"),),
    "a2a": (("server",), ("agentCard", "endpoint")),
}
AGENT_PROTOCOLS: Final = tuple(_PLACES)


class AgentRequest:
    """A call of an MCP server or of an A2A agent: the arguments are its `with`.

    In it the URIs are expanded, the authentication is inline, and `timeoutUs` stands for the timeout.
    """

    __slots__ = ("_endpoints", "_others", "_timeout", "action", "secrets")

    def __init__(self, action: str, given: Mapping[str, Json], pointer: str, compiler: "Compiler") -> None:
        written: Json = {name: value for name, value in given.items() if name != "timeout"}
        places = [place for place in _PLACES[action] if _found(written, place) is not None]
        if action == "a2a" and not places:
            raise refusal("a call of an agent needs its `server` or its `agentCard`", pointer)
        self.action = action
        self.secrets = SecretTexts()
        self._timeout: Duration | None = compiler.optional_duration(
            given.get("timeout"), f"{pointer}/timeout"
        )
        for place in places:
            endpoint = with_policy(_found(written, place), _pointer(pointer, place), compiler)
            written = _placed(written, place, endpoint)
        written = self.secrets.take_out(written)
        self._endpoints = tuple(
            (place, Endpoint(_found(written, place), _pointer(pointer, place), compiler)) for place in places
        )
        for place in places:
            written = _placed(written, place, None)
        self._others = compiler.template(written, pointer)

    @property
    def is_constant(self) -> bool:
        """Whether the arguments are the same for every input; a timeout may be an expression."""
        constant = self._timeout is None and self._others.constant and self.secrets.is_constant
        return constant and all(endpoint.is_constant for _, endpoint in self._endpoints)

    def arguments(self, evaluator: Evaluator, value: Json, variables: Mapping[str, Json]) -> Json:
        """The resolved arguments for a transformed input. May raise one of FAULTS."""
        arguments = evaluator.evaluate(self._others, value, variables)
        for place, endpoint in self._endpoints:
            arguments = _placed(arguments, place, endpoint.resolve(evaluator, value, variables))
        if self._timeout is not None:
            timeout_us = self._timeout.resolve(evaluator, Payload.of(value), variables)
            arguments = _placed(arguments, ("timeoutUs",), timeout_us)
        return arguments


def _found(value: Json, place: _Place) -> Json:
    """What stands at the place, None where there is nothing."""
    for name in place:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _placed(value: Json, place: _Place, item: Json) -> Json:
    """The value with the item at the place, the rest as it was."""
    if not place:
        return item
    assert isinstance(value, dict)
    return {**value, place[0]: _placed(value.get(place[0]), place[1:], item)}


def _pointer(pointer: str, place: _Place) -> str:
    return "/".join((pointer, *place))
