"""Calls over WebSockets: who is calling, and every way in which a call can go wrong made a problem."""

from collections.abc import Mapping

from tidemill.actions.adapters.asyncapi.arguments import parse_listening
from tidemill.actions.adapters.asyncapi.limits import SocketLimits
from tidemill.actions.adapters.asyncapi.problems import AsyncApiError
from tidemill.actions.adapters.asyncapi.sockets import Sockets
from tidemill.actions.adapters.http.auth.problems import AuthenticationError
from tidemill.actions.adapters.http.outlet import Outlet
from tidemill.actions.core.model import ActionState, Call, Outcome
from tidemill.actions.core.problems import failed
from tidemill.actions.core.secrets import mask_outcome
from tidemill.clock import Clock
from tidemill.json import dumps


class SocketCalls:
    """Calls over WebSockets, with the tokens of HTTP calls."""

    def __init__(self, outlet: Outlet, limits: SocketLimits, hosts: Mapping[str, str], clock: Clock) -> None:
        self._outlet = outlet
        self._sockets = Sockets(limits, hosts, clock)

    async def run(self, call: Call) -> Outcome:
        """Take messages."""
        try:
            listening = parse_listening(call.arguments)
            access = self._outlet.authenticator.access(listening.authentication, call.namespace)
            messages = await self._sockets.listen(listening, access)
        except (AsyncApiError, AuthenticationError) as error:
            return failed(error.problem)
        outcome = Outcome(ActionState.SUCCEEDED, dumps({"position": None, "messages": messages}))
        return mask_outcome(outcome, access.hidden.in_outputs())
