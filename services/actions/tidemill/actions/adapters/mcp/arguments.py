"""The arguments of an MCP call: the resolved `with` of the task, checked and made a value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tidemill.actions.core.model import Problem
from tidemill.actions.core.problems import configuration_problem, validation_problem
from tidemill.json import Json, JsonError, dumps, loads

DEFAULT_VERSION: Final = "2025-06-18"
METHODS: Final = (
    *("tools/list", "tools/call", "prompts/list", "prompts/get"),
    *("resources/list", "resources/read", "resources/templates/list"),
)


class InvalidArgumentsError(Exception):
    """The call cannot be made as it is described."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Web:
    """A server that is reached over HTTP."""

    url: str
    authentication: Json
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Program:
    """A server that is a program, which talks on its standard streams."""

    command: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class McpCall:
    """One request. Without a timeout there is that of the action alone."""

    method: str
    parameters: dict[str, Json]
    version: str
    client: tuple[str, str]
    timeout_us: int | None
    transport: Web | Program


def parse(arguments: bytes) -> McpCall:
    """Read the arguments. Raises InvalidArgumentsError."""
    try:
        members = _object(loads(arguments, field="arguments"), "the arguments")
    except JsonError as error:
        raise _invalid(error.message) from None
    method = members.get("method")
    if method not in METHODS:
        raise _invalid(f"with.method must be one of {', '.join(METHODS)}")
    return McpCall(
        method=str(method),
        parameters=dict(_object(members.get("parameters"), "with.parameters")),
        version=_text(members.get("protocolVersion", DEFAULT_VERSION), "with.protocolVersion"),
        client=_client(members.get("client")),
        timeout_us=_timeout_us(members.get("timeoutUs")),
        transport=_transport(_object(members.get("transport"), "with.transport")),
    )


def _transport(members: Mapping[str, Json]) -> Web | Program:
    if ("http" in members) == ("stdio" in members):
        raise _misconfigured("with.transport needs exactly one of http and stdio")
    if "http" in members:
        return _web(_object(members["http"], "with.transport.http"))
    stdio = _object(members["stdio"], "with.transport.stdio")
    arguments = stdio.get("arguments") or []
    if not isinstance(arguments, list):
        raise _invalid("with.transport.stdio.arguments must be a list")
    return Program(
        command=_plain(_text(stdio.get("command"), "with.transport.stdio.command"), "the command"),
        arguments=tuple(_plain(_scalar(item, "an argument"), "an argument") for item in arguments),
        environment=_environment(stdio.get("environment")),
    )


def _web(members: Mapping[str, Json]) -> Web:
    endpoint = members.get("endpoint")
    parts: Mapping[str, Json] = endpoint if isinstance(endpoint, dict) else {"uri": endpoint}
    url = _text(parts.get("uri"), "with.transport.http.endpoint")
    if not url.startswith(("http://", "https://")):
        raise _misconfigured("the endpoint must be an absolute http or https URI")
    return Web(url=url, authentication=parts.get("authentication"), headers=_headers(members.get("headers")))


def _headers(value: Json) -> dict[str, str]:
    headers = {}
    for name, item in _object(value, "with.transport.http.headers").items():
        if item is None:
            continue
        text = _scalar(item, f"the header {name:.80}")
        if not name or not (name + text).isprintable():
            raise _invalid(f"{name!a:.80} cannot be a header")
        headers[name.lower()] = text
    return headers


def _environment(value: Json) -> dict[str, str]:
    environment = {}
    for name, item in _object(value, "with.transport.stdio.environment").items():
        if not name or "=" in name:
            raise _invalid(f"{name!a:.80} cannot be the name of a variable of the environment")
        if item is not None:
            _plain(name, "the name of a variable")
            environment[name] = _plain(_scalar(item, f"the variable {name:.80}"), "a variable")
    return environment


def _client(value: Json) -> tuple[str, str]:
    members = _object(value, "with.client")
    name, version = members.get("name", "tidemill"), members.get("version", "1")
    return _text(name, "with.client.name"), _text(version, "with.client.version")


def _timeout_us(value: Json) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _invalid("with.timeout must be a duration")
    return value


def _scalar(value: Json, name: str) -> str:
    match value:
        case str():
            return value
        case bool() | int() | float():
            return dumps(value).decode()
        case _:
            raise _invalid(f"{name} must be a string, a number or a boolean")


def _plain(text: str, name: str) -> str:
    if "\0" in text:
        raise _invalid(f"{name} must not hold a zero character")
    return text


def _text(value: Json, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise _invalid(f"{name} must be text, and not empty")
    return value


def _object(value: Json, name: str) -> Mapping[str, Json]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _invalid(f"{name} must be an object")
    return value


def _invalid(detail: str) -> InvalidArgumentsError:
    return InvalidArgumentsError(validation_problem(detail))


def _misconfigured(detail: str) -> InvalidArgumentsError:
    return InvalidArgumentsError(configuration_problem(detail))
