"""The action `grpc`: what it declares, and its client, which is loaded with the first call."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tidemill.action_kit import EffectClass
from tidemill.actions.adapters.grpc_calls.hosts import Target, parse_hosts
from tidemill.actions.adapters.grpc_calls.limits import GrpcLimits
from tidemill.actions.adapters.http.action import HttpAction
from tidemill.actions.adapters.loaded import LoadedOnce
from tidemill.actions.core.model import Call, Outcome
from tidemill.actions.registry import Action, ActionSpec
from tidemill.clock import Clock, SystemClock

if TYPE_CHECKING:
    from tidemill.actions.adapters.grpc_calls.calls import GrpcCalls
    from tidemill.actions.adapters.http.outlet import Outlet

GRPC: Final = "grpc"


class GrpcAction:
    """Calls gRPC services, with the tokens of HTTP calls."""

    def __init__(
        self,
        http: HttpAction,
        limits: GrpcLimits,
        *,
        hosts: str = "",
        roots: str = "",
        clock: Clock | None = None,
    ) -> None:
        """`hosts` says where servers are, see `parse_hosts`; `roots` is a file of authorities, in PEM.

        Raises InvalidRequestError.
        """
        self._http = http
        self._limits = limits
        self._hosts = parse_hosts(hosts)
        self._roots = roots
        self._clock = clock or SystemClock()
        self._calls = LoadedOnce(self._open)

    @property
    def action(self) -> Action:
        """The action `grpc`."""
        spec = ActionSpec(
            name=GRPC,
            effect_class=EffectClass.ONCE,
            timeout_us=self._limits.timeout_us,
            rate_group=GRPC,
            description="Calls a method of a gRPC service, with the idempotency key as its idempotency-key.",
        )
        return Action(spec, self.run)

    async def run(self, call: Call) -> Outcome:
        """Make the call."""
        return await (await self._calls.get()).run(call)

    async def close(self) -> None:
        """Close the channels, if there ever were any."""
        if self._calls.made is not None:
            await self._calls.made.close()

    async def _open(self) -> "GrpcCalls":
        outlet = await self._http.outlet()
        roots = await asyncio.to_thread(_read, self._roots)
        await asyncio.to_thread(_load)
        return _make(outlet, self._limits, self._clock, self._hosts, roots)


def _read(roots: str) -> bytes | None:
    return Path(roots).read_bytes() if roots else None


def _load() -> None:
    import tidemill.actions.adapters.grpc_calls.calls  # noqa: F401


def _make(
    outlet: "Outlet", limits: GrpcLimits, clock: Clock, hosts: dict[str, Target], roots: bytes | None
) -> "GrpcCalls":
    from tidemill.actions.adapters.grpc_calls.calls import GrpcCalls

    return GrpcCalls(outlet, limits, clock, hosts, roots)
