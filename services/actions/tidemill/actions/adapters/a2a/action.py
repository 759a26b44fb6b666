"""The action `a2a`: what it declares, and its client, which is loaded with the first call."""

import asyncio
from typing import TYPE_CHECKING, Final

from tidemill.action_kit import EffectClass
from tidemill.actions.adapters.a2a.limits import A2aLimits
from tidemill.actions.adapters.http.action import HTTP, HttpAction
from tidemill.actions.adapters.loaded import LoadedOnce
from tidemill.actions.core.model import Call, Outcome
from tidemill.actions.registry import Action, ActionSpec
from tidemill.clock import Clock, SystemClock

if TYPE_CHECKING:
    from tidemill.actions.adapters.a2a.calls import A2aCalls
    from tidemill.actions.adapters.http.outlet import Outlet

A2A: Final = "a2a"


class A2aAction:
    """Calls agents, over the connections of HTTP calls."""

    def __init__(self, http: HttpAction, limits: A2aLimits, clock: Clock | None = None) -> None:
        self._http = http
        self._limits = limits
        self._clock = clock or SystemClock()
        self._calls = LoadedOnce(self._open)

    @property
    def action(self) -> Action:
        """The action `a2a`."""
        spec = ActionSpec(
            name=A2A,
            effect_class=EffectClass.ONCE,
            timeout_us=self._limits.timeout_us,
            # What it needs is one connection at a time.
            rate_group=HTTP,
            description="Calls a method of an A2A agent, with the idempotency key as its Idempotency-Key.",
        )
        return Action(spec, self.run)

    async def run(self, call: Call) -> Outcome:
        """Make the call."""
        return await (await self._calls.get()).run(call)

    async def close(self) -> None:
        """Give up cards that are being fetched."""
        if self._calls.made is not None:
            await self._calls.made.close()

    async def _open(self) -> "A2aCalls":
        outlet = await self._http.outlet()
        return await asyncio.to_thread(_load, outlet, self._limits, self._clock)


def _load(outlet: "Outlet", limits: A2aLimits, clock: Clock) -> "A2aCalls":
    from tidemill.actions.adapters.a2a.calls import A2aCalls

    return A2aCalls(outlet, limits, clock)
