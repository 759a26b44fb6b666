"""Blobs in memory: the oracle of the others, and what executions of tests without files have."""

from collections.abc import Collection, Mapping
from hashlib import sha256

from tidemill.blobs.port import Blob, BlobDamagedError, BlobError, BlobMissingError, BlobName
from tidemill.clock import Clock, SystemClock


class MemoryBlobs:
    """A dictionary by execution and digest."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self.held: dict[str, dict[str, tuple[bytes, int]]] = {}

    async def put(self, blobs: Collection[Blob]) -> None:
        now_us = self._clock.now_us()
        for blob in blobs:
            self.held.setdefault(blob.name.execution_id, {})[blob.name.digest] = (blob.data, now_us)

    async def get(self, names: Collection[BlobName]) -> Mapping[BlobName, bytes | BlobError]:
        return {name: self._get(name) for name in names}

    def _get(self, name: BlobName) -> bytes | BlobError:
        found = self.held.get(name.execution_id, {}).get(name.digest)
        if found is None:
            return BlobMissingError(name)
        data, _ = found
        return data if sha256(data).hexdigest() == name.digest else BlobDamagedError(name)

    async def remove(self, execution_id: str, *, written_before_us: int) -> int:
        held = self.held.pop(execution_id, {})
        left = {digest: kept for digest, kept in held.items() if kept[1] >= written_before_us}
        if left:
            self.held[execution_id] = left
        return len(left)

    async def page(self, after: str, limit: int) -> list[str]:
        return sorted(execution_id for execution_id in self.held if execution_id > after)[:limit]

    async def close(self) -> None:
        return None
