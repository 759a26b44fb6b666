"""A few words for what tasks ask of the outside: calls over each protocol, and what `run` starts."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from tidemill.diagrams.words import address, members, scalar, shortened
from tidemill.json import Json

Arguments = Mapping[str, Json]


def called(task: Json) -> str:
    """What a `call` calls: `GET https://example.com`, or the function's name."""
    name = members(task).get("call")
    protocol = _PROTOCOLS.get(name) if isinstance(name, str) else None
    if protocol is None:
        return scalar(name)
    return shortened(protocol(members(members(task).get("with"))))


def _http(arguments: Arguments) -> str:
    return f"{scalar(arguments.get('method')).upper()} {address(arguments.get('endpoint'))}"


def _openapi(arguments: Arguments) -> str:
    return f"OpenAPI {scalar(arguments.get('operationId'))} of {address(arguments.get('document'))}"


def _grpc(arguments: Arguments) -> str:
    service = scalar(members(arguments.get("service")).get("name"))
    return f"gRPC {service}.{scalar(arguments.get('method'))}"


def _asyncapi(arguments: Arguments) -> str:
    place = arguments.get("channel", arguments.get("operation"))
    verb = "subscribe to" if "subscription" in arguments else "publish to"
    return f"AsyncAPI {verb} {scalar(place)}"


def _mcp(arguments: Arguments) -> str:
    return f"MCP {scalar(arguments.get('method'))}"


def _a2a(arguments: Arguments) -> str:
    return f"A2A {scalar(arguments.get('method'))}"


_PROTOCOLS: Final[Mapping[str, Callable[[Arguments], str]]] = MappingProxyType(
    {"http": _http, "openapi": _openapi, "grpc": _grpc, "asyncapi": _asyncapi, "mcp": _mcp, "a2a": _a2a}
)


def ran(task: Json) -> str:
    """What a `run` starts: `workflow shop/pack:1.0.0`, `shell ls`, `script js`, `container alpine`."""
    given = members(members(task).get("run"))
    ending = "" if given.get("await", True) is True else ", not awaited"
    return shortened(f"{_process(given)}{ending}")


def _process(given: Arguments) -> str:
    for name, member in (("shell", "command"), ("script", "language"), ("container", "image")):
        if name in given:
            return f"{name} {scalar(members(given[name]).get(member))}"
    workflow = members(given.get("workflow"))
    place = f"{scalar(workflow.get('namespace'))}/{scalar(workflow.get('name'))}"
    return f"workflow {place}:{scalar(workflow.get('version', 'latest'))}"
