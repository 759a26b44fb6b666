"""What a reader has of one shard: records that were fetched and not read yet, and where to go on."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiokafka.record.memory_records import MemoryRecords

from tidemill.engine.log.port import LogRecord


@dataclass(slots=True, eq=False)
class Follow:
    """A shard that is followed: `position` is what its reader asks for next, `next` what is fetched next.
    While it `is_held` nothing is fetched.

    Offsets need not follow one on another: Kafka gives some to records of its own.
    """

    shard: int
    position: int
    next: int
    buffer: deque[LogRecord] = field(default_factory=deque)
    buffered_bytes: int = 0
    failure: Exception | None = None
    is_held: bool = False

    def read(self, limit: int) -> list[LogRecord]:
        """Take up to `limit` records. Raises what a fetch has found, once all before it was read."""
        if not self.buffer:
            if self.failure is not None:
                raise self.failure
            return []
        taken = [self.buffer.popleft() for _ in range(min(limit, len(self.buffer)))]
        if taken:
            self.buffered_bytes -= sum(len(record.data) for record in taken)
            self.position = taken[-1].offset + 1
        return taken

    def add(self, offset: int, data: bytes) -> None:
        """Take up the next record."""
        self.buffer.append(LogRecord(self.shard, offset, data))
        self.buffered_bytes += len(data)
        self.next = offset + 1

    def add_own(self, base_offset: int, records: Sequence[bytes]) -> bool:
        """Take up what this process has just appended, where it is just what comes next."""
        if base_offset != self.next:
            return False
        for offset, data in enumerate(records, base_offset):
            self.add(offset, data)
        return True

    def add_fetched(self, data: bytes) -> bool:
        """Take up what a broker sent; whether it held anything new. Raises ValueError for damage."""
        found = self.next
        batches = MemoryRecords(data)
        while batches.has_next():
            batch = batches.next_batch()
            if batch.next_offset <= self.next:
                continue
            if not batch.validate_crc():
                raise ValueError(f"shard {self.shard}: a batch near offset {self.next} is damaged")
            if not batch.is_control_batch:
                for record in batch:
                    if record.offset >= self.next:
                        self.add(record.offset, record.value or b"")
            self.next = max(self.next, batch.next_offset)
        return self.next > found
