"""The action `ws.receive`: what it declares; its client comes with the first call."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tidemill.action_kit import EffectClass
from tidemill.actions.adapters.asyncapi.kafka import SUBSCRIPTIONS
from tidemill.actions.adapters.asyncapi.limits import SocketLimits
from tidemill.actions.adapters.http.action import HttpAction
from tidemill.actions.adapters.loaded import LoadedOnce
from tidemill.actions.core.model import Call, Outcome
from tidemill.actions.registry import Action, ActionSpec
from tidemill.clock import Clock, SystemClock

if TYPE_CHECKING:
    from tidemill.actions.adapters.asyncapi.socket_calls import SocketCalls
    from tidemill.actions.adapters.http.outlet import Outlet


class SocketAction:
    """Subscribes to WebSockets, with the tokens of HTTP calls, and where HTTP hosts are."""

    def __init__(self, http: HttpAction, limits: SocketLimits, clock: Clock | None = None) -> None:
        self._http = http
        self._limits = limits
        self._clock = clock or SystemClock()
        self._calls = LoadedOnce(self._open)

    @property
    def action(self) -> Action:
        """The action `ws.receive`."""
        spec = ActionSpec(
            name="ws.receive",
            # Nobody keeps what it has taken: whoever runs it again begins anew.
            effect_class=EffectClass.PURE,
            timeout_us=self._limits.timeout_us_max,
            rate_group=SUBSCRIPTIONS,
            description="Takes messages from a WebSocket, as many as are wanted.",
        )
        return Action(spec, self.run)

    async def run(self, call: Call) -> Outcome:
        """Make the call."""
        return await (await self._calls.get()).run(call)

    async def _open(self) -> "SocketCalls":
        outlet = await self._http.outlet()
        return await asyncio.to_thread(_load, outlet, self._limits, self._http.hosts, self._clock)


def _load(outlet: "Outlet", limits: SocketLimits, hosts: Mapping[str, str], clock: Clock) -> "SocketCalls":
    from tidemill.actions.adapters.asyncapi.socket_calls import SocketCalls

    return SocketCalls(outlet, limits, hosts, clock)
