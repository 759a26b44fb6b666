"""The action `http`: what it declares, and its client, which is loaded with the first call."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tidemill.action_kit import EffectClass
from tidemill.actions.adapters.http.auth.limits import TokenLimits
from tidemill.actions.adapters.loaded import LoadedOnce
from tidemill.actions.core.model import Call, Outcome
from tidemill.actions.registry import Action, ActionSpec
from tidemill.clock import Clock, SystemClock
from tidemill.hosts import parse_hosts

if TYPE_CHECKING:
    from tidemill.actions.adapters.http.calls import HttpCalls
    from tidemill.actions.adapters.http.outlet import Outlet

HTTP: Final = "http"
_HOSTS_VARIABLE: Final = "TIDEMILL_ACTIONS_HTTP_HOSTS"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """Limits of HTTP calls, each with its unit."""

    connections_max: int
    timeout_us: int
    connect_timeout_us: int
    response_bytes_max: int
    error_excerpt_bytes_max: int
    redirects_max: int
    tokens: TokenLimits


class HttpAction:
    """Makes HTTP calls. The library and its certificates take a third of a second to load, so that a service
    which makes no such call starts without them."""

    def __init__(self, limits: HttpLimits, hosts: str = "", clock: Clock | None = None) -> None:
        """`hosts` sends calls elsewhere, see `parse_hosts`. Raises InvalidRequestError."""
        self._limits = limits
        self._clock = clock or SystemClock()
        self._hosts = parse_hosts(_HOSTS_VARIABLE, hosts)
        self._calls = LoadedOnce(self._open)

    @property
    def action(self) -> Action:
        """The action `http`."""
        spec = ActionSpec(
            name=HTTP,
            effect_class=EffectClass.ONCE,
            timeout_us=self._limits.timeout_us,
            rate_group=HTTP,
            description="Makes an HTTP request, with the idempotency key as its Idempotency-Key.",
        )
        return Action(spec, self.run)

    @property
    def hosts(self) -> Mapping[str, str]:
        """Hosts that are elsewhere, with the bases there."""
        return self._hosts

    async def run(self, call: Call) -> Outcome:
        """Make the call."""
        return await (await self._calls.get()).run(call)

    async def outlet(self) -> "Outlet":
        """The same connections and tokens, for protocols that stand on HTTP."""
        return (await self._calls.get()).outlet

    async def close(self) -> None:
        """Close the connections, if there ever were any."""
        if self._calls.made is not None:
            await self._calls.made.close()

    async def _open(self) -> "HttpCalls":
        return await asyncio.to_thread(_load, self._limits, self._hosts, self._clock)


def _load(limits: HttpLimits, hosts: dict[str, str], clock: Clock) -> "HttpCalls":
    from tidemill.actions.adapters.http.calls import HttpCalls

    return HttpCalls(limits, hosts, clock)
