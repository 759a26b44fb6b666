"""Appends on their way to Kafka: what waits for a shard, and the batch that is cut from it."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from tidemill.engine.log.kafka.cluster import PART
from tidemill.storage import StorageUnavailableError

_MAGIC: Final = 2
CODECS: Final = {
    "none": DefaultRecordBatch.CODEC_NONE,
    "lz4": DefaultRecordBatch.CODEC_LZ4,
    "zstd": DefaultRecordBatch.CODEC_ZSTD,
}
# Below this compression costs more than it saves.
COMPRESSED_BYTES_MIN: Final = 1_024
# The broker takes no higher one.
EPOCH_MAX: Final = 32_767


@dataclass(frozen=True, slots=True)
class BatchForm:
    """How batches are compressed, and about how long they may be before that."""

    codec: int
    bytes_max: int


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, by the clock that deadlines are measured with and by the one that people read."""

    monotonic_us: int
    wall_ms: int


@dataclass(slots=True, eq=False)
class Call:
    """One caller's append: answered when no record is missing."""

    deadline_us: int
    offsets: list[int]
    missing: int
    answer: asyncio.Future[list[int]]

    @property
    def is_over(self) -> bool:
        """Whether the caller has an answer, or is gone."""
        return self.answer.done()

    def fail(self, error: Exception) -> None:
        """Tell the caller, who may know already."""
        if not self.answer.done():
            self.answer.set_exception(error)


@dataclass(slots=True, eq=False)
class Part:
    """What one call has for one shard, of which the first `taken` records are in batches."""

    call: Call
    indexes: list[int] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)
    taken: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """The records of a part that stand in a batch: `data[start:end]`."""

    part: Part
    start: int
    end: int


@dataclass(slots=True, eq=False)
class Batch:
    """What is written to a shard in one go: all of it, or nothing."""

    shard: int
    pieces: list[Piece]
    encoded: bytes
    count: int
    deadline_us: int

    def deliver(self, base_offset: int) -> None:
        """Give each record its offset, and the callers whose last it was their answer."""
        offset = base_offset
        for piece in self.pieces:
            call = piece.part.call
            for index in piece.part.indexes[piece.start : piece.end]:
                call.offsets[index] = offset
                offset += 1
            call.missing -= piece.end - piece.start
            if call.missing == 0 and not call.answer.done():
                call.answer.set_result(call.offsets)

    def fail(self, error: Exception) -> None:
        """Tell all callers; what else they have is then never sent."""
        for piece in self.pieces:
            piece.part.call.fail(error)

    def records(self) -> list[bytes]:
        """The records in their order."""
        return [data for piece in self.pieces for data in piece.part.data[piece.start : piece.end]]


@dataclass(slots=True, eq=False)
class Lane:
    """The way to one shard. At most one batch is under way on it, so that order is plain.

    The broker knows a repeat of the lane's last batch by producer, epoch and sequence. A higher epoch shuts
    out whatever was sent under an earlier one and may still arrive.
    """

    shard: int
    producer_id: int = -1
    epoch: int = 0
    sequence: int = 0
    parts: deque[Part] = field(default_factory=deque)
    batch: Batch | None = None
    failures: int = 0

    def cut(self, form: BatchForm, now: Moment) -> Batch | None:
        """Make a batch of what waits; None when nothing does. Callers that have waited too long are told."""
        self.expire(now.monotonic_us)
        codec = form.codec if self._is_worth_compressing() else CODECS["none"]
        builder = DefaultRecordBatchBuilder(
            _MAGIC, codec, 0, self.producer_id, self.epoch, self.sequence, form.bytes_max
        )
        pieces: list[Piece] = []
        count = 0
        while self.parts:
            part = self.parts[0]
            if part.call.is_over:
                self.parts.popleft()
                continue
            start = part.taken
            _fill(builder, part, count, now.wall_ms)
            if part.taken > start:
                pieces.append(Piece(part, start, part.taken))
                count += part.taken - start
            if part.taken < len(part.data):
                break
            self.parts.popleft()
        if not pieces:
            return None
        deadline_us = min(piece.part.call.deadline_us for piece in pieces)
        self.batch = Batch(self.shard, pieces, bytes(builder.build()), count, deadline_us)
        return self.batch

    def _is_worth_compressing(self) -> bool:
        size = 0
        for part in self.parts:
            for data in part.data[part.taken :]:
                size += len(data)
                if size >= COMPRESSED_BYTES_MIN:
                    return True
        return False

    def expire(self, now_us: int) -> None:
        """Tell callers who have waited too long for their turn."""
        while self.parts and (self.parts[0].call.is_over or self.parts[0].call.deadline_us <= now_us):
            # Their deadlines come in the order of the parts.
            late = StorageUnavailableError(PART, "it does not keep up, and not all was appended")
            self.parts.popleft().call.fail(late)

    def written(self) -> None:
        """The batch is in the log."""
        if self.batch is not None:
            self.sequence = (self.sequence + self.batch.count) % 2**31
        self.batch = None
        self.failures = 0

    def lost(self) -> None:
        """Nobody knows what became of the batch."""
        self.batch = None
        self.epoch += 1
        self.sequence = 0


def _fill(builder: DefaultRecordBatchBuilder, part: Part, count: int, wall_ms: int) -> None:
    """Add records of the part while there is room; the first record of a batch always has room."""
    for data in part.data[part.taken :]:
        if builder.append(count, wall_ms, None, data, []) is None:
            return
        part.taken += 1
        count += 1


def split(call: Call, records: Sequence[tuple[int, bytes]]) -> dict[int, Part]:
    """A call's parts by shard, each in the order of the call."""
    parts: dict[int, Part] = {}
    for index, (shard, data) in enumerate(records):
        part = parts.get(shard)
        if part is None:
            part = parts[shard] = Part(call)
        part.indexes.append(index)
        part.data.append(data)
    return parts
