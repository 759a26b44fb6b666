"""Channels to servers: one for each, shared by all calls; what is idle lets its connection go."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc

from tidemill.actions.adapters.grpc_calls.hosts import Target
from tidemill.actions.adapters.grpc_calls.limits import GrpcLimits


@dataclass(slots=True, eq=False)
class _Entry:
    channel: grpc.aio.Channel
    users: int = 0


class Channels:
    """At most `channels_max` channels; over it those go that were not used for the longest time."""

    def __init__(self, limits: GrpcLimits, roots: bytes | None = None) -> None:
        """`roots` are the authorities, in PEM, that TLS trusts; None for those that gRPC brings along."""
        self._channels_max = limits.channels_max
        self._roots = roots
        self._options = (
            ("grpc.max_receive_message_length", limits.response_bytes_max),
            ("grpc.max_send_message_length", -1),
            ("grpc.client_idle_timeout_ms", limits.channel_idle_us // 1_000),
            # What was sent may have had its effect: whoever wants a call again says so in the workflow.
            ("grpc.enable_retries", 0),
            # Nothing but the workflow and the settings say where a call goes, and how.
            ("grpc.enable_http_proxy", 0),
            ("grpc.service_config_disable_resolution", 1),
            ("grpc.primary_user_agent", "tidemill"),
            # A pool that two services share would keep this one's limits from holding.
            ("grpc.use_local_subchannel_pool", 1),
        )
        self._entries: OrderedDict[Target, _Entry] = OrderedDict()
        self._freed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._entries)

    @asynccontextmanager
    async def channel(self, target: Target) -> AsyncIterator[grpc.aio.Channel]:
        """The channel to the server. Waits where all are in use."""
        entry = await self._take(target)
        try:
            yield entry.channel
        finally:
            entry.users -= 1
            self._freed.set()

    async def close(self) -> None:
        """Close all."""
        entries = [*self._entries.values()]
        self._entries.clear()
        await asyncio.gather(*(entry.channel.close() for entry in entries))

    async def _take(self, target: Target) -> _Entry:
        while True:
            entry = self._entries.get(target)
            if entry is not None or len(self._entries) < self._channels_max:
                break
            idle = next((other for other, held in self._entries.items() if not held.users), None)
            if idle is not None:
                await self._entries.pop(idle).channel.close()
            else:
                self._freed.clear()
                await self._freed.wait()
        if entry is None:
            entry = self._entries[target] = _Entry(self._open(target))
        entry.users += 1
        self._entries.move_to_end(target)
        return entry

    def _open(self, target: Target) -> grpc.aio.Channel:
        # So that no name can be taken for another kind of address.
        address = f"dns:///{target.address}"
        if not target.secure:
            return grpc.aio.insecure_channel(address, options=self._options)
        credentials = grpc.ssl_channel_credentials(self._roots)
        return grpc.aio.secure_channel(address, credentials, options=self._options)
