"""What processes count, added up over all lives of each process."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from tidemill.bench.effects import counter_sum, read_page
from tidemill.stack.cluster import Cluster

_POLL_SECONDS: Final = 0.5


class Meters:
    """Reads counters of every process as long as it runs. What a process counted in the half second before it
    was killed is not seen."""

    def __init__(self, cluster: Cluster, counters: Sequence[str]) -> None:
        self._cluster = cluster
        self._counters = counters
        self._last: dict[tuple[int, str], int] = {}

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            await self.read()
            await asyncio.sleep(_POLL_SECONDS)

    async def read(self) -> None:
        """Read every process once; one that does not answer keeps what it had."""
        await asyncio.gather(*map(self._read_one, self._cluster.layout.names))

    def total(self, counter: str) -> int:
        """The sum over all processes."""
        return sum(value for (_, name), value in self._last.items() if name == counter)

    async def _read_one(self, name: str) -> None:
        pid = self._cluster.pids().get(name)
        if pid is None:
            return
        try:
            page = await asyncio.to_thread(read_page, self._cluster.layout.metrics_url(name))
        except OSError:
            return
        if self._cluster.pids()[name] == pid:
            self._last |= {(pid, counter): counter_sum(page, counter) for counter in self._counters}


class Pulse:
    """The longest time in which nothing moved."""

    def __init__(self) -> None:
        self._count = -1
        self._since = time.monotonic()
        self.longest_seconds = 0.0

    def see(self, count: int) -> None:
        """Look at a number that grows with every step."""
        now = time.monotonic()
        if count != self._count:
            self._count, self._since = count, now
        self.longest_seconds = max(self.longest_seconds, now - self._since)
