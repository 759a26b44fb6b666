"""The command log in memory, for tests: same contract, nothing survives."""

from collections.abc import Collection, Mapping, Sequence

from tidemill.engine.log.port import Extent, LogGapError, LogRecord, Wake


class MemoryLog:
    """Keeps all records in lists."""

    def __init__(self, shards: int) -> None:
        self._records: list[list[bytes]] = [[] for _ in range(shards)]
        self._first = [0] * shards
        self._wakes: list[Wake] = []

    async def append(self, records: Sequence[tuple[int, bytes]]) -> list[int]:
        offsets = []
        for shard, data in records:
            offsets.append(self._end(shard))
            self._records[shard].append(data)
        for wake in self._wakes:
            wake({shard for shard, _ in records})
        return offsets

    async def read(self, shard: int, offset: int, limit: int) -> list[LogRecord]:
        first, end = self._first[shard], self._end(shard)
        if not first <= offset <= end:
            raise LogGapError(shard, offset, first=first, end=end)
        kept = self._records[shard][offset - first : offset - first + limit]
        return [LogRecord(shard, offset + index, data) for index, data in enumerate(kept)]

    def forget(self, shards: Collection[int]) -> None:
        """Reads need no preparation here."""

    async def extents(self) -> Mapping[int, Extent]:
        return {shard: Extent(first, self._end(shard)) for shard, first in enumerate(self._first)}

    async def identity(self) -> str:
        return ""

    def on_append(self, wake: Wake) -> None:
        self._wakes.append(wake)

    async def trim(self, shard: int, before_offset: int) -> None:
        count = min(before_offset, self._end(shard)) - self._first[shard]
        if count > 0:
            del self._records[shard][:count]
            self._first[shard] += count

    async def report_applied(self, offsets: Mapping[int, int]) -> None:
        """Nobody watches."""

    async def close(self) -> None:
        self._wakes.clear()

    def _end(self, shard: int) -> int:
        return self._first[shard] + len(self._records[shard])
