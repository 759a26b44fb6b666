"""One request in a session of its own: the handshake, the request, its result as the server gave it."""

from typing import Final

from mcp import MCPError
from mcp.client import ClientSession, Transport
from mcp_types import (
    CONNECTION_CLOSED,
    PARSE_ERROR,
    ClientCapabilities,
    Implementation,
    InitializedNotification,
    InitializeRequest,
    InitializeRequestParams,
    InitializeResult,
    Request,
)
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from pydantic import RootModel, ValidationError

from tidemill.actions.adapters.mcp.arguments import McpCall
from tidemill.actions.core.model import Problem
from tidemill.actions.core.problems import communication_problem, configuration_problem

_REFUSED: Final = 500
_BAD_ANSWER: Final = 502


class _Result(RootModel[dict[str, object]]):
    """Any result; the session holds it to the protocol before."""


class SessionError(Exception):
    """There is no result; the problem says why, as far as the session can know."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


async def ask(transport: Transport, wanted: McpCall) -> dict[str, object]:
    """Open a session, send the request, end the session. Raises SessionError."""
    name, version = wanted.client
    failure: Exception | None = None
    result: dict[str, object] = {}
    async with (
        transport as (heard, said),
        ClientSession(heard, said, client_info=Implementation(name=name, version=version)) as session,
    ):
        # Caught in here: what leaves the blocks would be wrapped by the task groups in them.
        try:
            result = await _ask(session, wanted)
        except (MCPError, ValidationError, RuntimeError, SessionError) as error:
            failure = error
    if failure is not None:
        raise _session_error(failure, wanted.method)
    return result


async def _ask(session: ClientSession, wanted: McpCall) -> dict[str, object]:
    if wanted.version in MODERN_PROTOCOL_VERSIONS:
        await session.discover()
    elif wanted.version in HANDSHAKE_PROTOCOL_VERSIONS:
        await _shake_hands(session, wanted)
    else:
        known = ", ".join((*HANDSHAKE_PROTOCOL_VERSIONS, *MODERN_PROTOCOL_VERSIONS))
        raise SessionError(configuration_problem(f"with.protocolVersion must be one of {known}"))
    request = Request[dict[str, object], str](method=wanted.method, params=dict(wanted.parameters))
    return (await session.send_request(request, _Result)).root


async def _shake_hands(session: ClientSession, wanted: McpCall) -> None:
    """What `session.initialize` does, with the version that the author wants."""
    name, version = wanted.client
    offer = InitializeRequestParams(
        protocol_version=wanted.version,
        # A workflow can neither sample, nor answer questions, nor show files.
        capabilities=ClientCapabilities(),
        client_info=Implementation(name=name, version=version),
    )
    agreed = await session.send_request(InitializeRequest(params=offer), InitializeResult)
    if agreed.protocol_version not in HANDSHAKE_PROTOCOL_VERSIONS:
        detail = (
            f"the server speaks version {agreed.protocol_version:.40} of the protocol, which is not known"
        )
        raise SessionError(communication_problem(_BAD_ANSWER, detail))
    session.adopt(agreed)
    await session.send_notification(InitializedNotification())


def _session_error(error: Exception, method: str) -> SessionError:
    match error:
        case SessionError():
            return error
        case MCPError(code=code, message=message) if code not in (CONNECTION_CLOSED, PARSE_ERROR):
            detail = f"{method} was answered with the error {code}: {message}"
            return SessionError(communication_problem(_REFUSED, detail))
        case MCPError(code=code) if code == PARSE_ERROR:
            detail = f"the answer to {method}, or to the handshake before it, is no message of JSON-RPC"
            return SessionError(communication_problem(_BAD_ANSWER, detail))
        case MCPError(message=message):
            return SessionError(communication_problem(_BAD_ANSWER, f"{method} has no answer: {message}"))
        case _:
            # What the library says of a result that is none quotes all of it.
            detail = f"the answer to {method}, or to the handshake before it, does not follow the protocol"
            return SessionError(communication_problem(_BAD_ANSWER, detail))
