"""The action `mcp`: what it declares, and its client, which is loaded with the first call."""

import asyncio
from typing import TYPE_CHECKING, Final

from tidemill.action_kit import EffectClass
from tidemill.actions.adapters.http.action import HTTP, HttpAction
from tidemill.actions.adapters.loaded import LoadedOnce
from tidemill.actions.adapters.mcp.limits import McpLimits, ProgramRules
from tidemill.actions.core.model import Call, Outcome
from tidemill.actions.registry import Action, ActionSpec

if TYPE_CHECKING:
    from tidemill.actions.adapters.http.outlet import Outlet
    from tidemill.actions.adapters.mcp.calls import McpCalls

MCP: Final = "mcp"


class McpAction:
    """Calls MCP servers. The library takes most of a second to load, so that a service without such calls
    starts without it."""

    def __init__(self, http: HttpAction, limits: McpLimits, rules: ProgramRules) -> None:
        self._http = http
        self._limits = limits
        self._rules = rules
        self._calls = LoadedOnce(self._open)

    @property
    def action(self) -> Action:
        """The action `mcp`."""
        spec = ActionSpec(
            name=MCP,
            effect_class=EffectClass.ONCE,
            # The call's own timeout, of which the service does not know, may be as long as this.
            timeout_us=self._limits.timeout_us_max,
            # What it needs is one connection at a time.
            rate_group=HTTP,
            description="Calls a method of an MCP server, over HTTP or as a program of this machine.",
        )
        return Action(spec, self.run)

    async def run(self, call: Call) -> Outcome:
        """Make the call."""
        return await (await self._calls.get()).run(call)

    async def _open(self) -> "McpCalls":
        outlet = await self._http.outlet()
        return await asyncio.to_thread(_load, outlet, self._limits, self._rules)


def _load(outlet: "Outlet", limits: McpLimits, rules: ProgramRules) -> "McpCalls":
    from tidemill.actions.adapters.mcp.calls import McpCalls

    return McpCalls(outlet, limits, rules)
