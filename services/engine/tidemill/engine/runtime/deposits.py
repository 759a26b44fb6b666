"""What a batch leaves in the blob store before it commits: its large texts, with claims in their places."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeAlias, TypeVar

from google.protobuf.message import Message as ProtoMessage

from tidemill.api.events.v1.command_pb2 import Command
from tidemill.api.events.v1.history_pb2 import HistoryBatch
from tidemill.api.events.v1.snapshot_pb2 import Snapshot
from tidemill.blobs.claim_check import ClaimCheck, offload
from tidemill.blobs.claims import take_out, take_text
from tidemill.blobs.port import Blob, BlobName
from tidemill.engine.core.effects import CallAction
from tidemill.engine.core.payload import Payload
from tidemill.engine.runtime.items import ActionAnswer, DueTimer, decode, encode
from tidemill.engine.runtime.turns import ShardTurn, Turn
from tidemill.engine.store.rows import (
    DeadLetterRow,
    ExecutionRow,
    HistoryRow,
    OutboxRow,
    ShardCommit,
    SnapshotRow,
)

Blobs: TypeAlias = dict[BlobName, Blob]
# Rewrites one large row of a batch.
_Work: TypeAlias = Callable[[Blobs], None]
# Each with the size of what it rewrites.
_Works: TypeAlias = list[tuple[int, _Work]]

_Row = TypeVar("_Row", HistoryRow, SnapshotRow)


class Deposits:
    """Finds large rows by their length, so that others cost a comparison, and rewrites these."""

    def __init__(self, check: ClaimCheck) -> None:
        self._check = check
        self._bytes_max = check.bytes_max

    async def before_commit(self, batch: Sequence[ShardTurn], commits: Sequence[ShardCommit]) -> None:
        """Have all blobs of the batch durable, and claims in its rows and calls. Raises
        StorageUnavailableError."""
        works: _Works = []
        for commit in commits:
            self._find_rows(commit, works)
        for shard_turn in batch:
            self._find_calls(shard_turn, works)
        if not works:
            return
        blobs: Blobs = {}
        await offload(sum(size_bytes for size_bytes, _ in works), _do, [work for _, work in works], blobs)
        await self._check.store.put(blobs.values())
        _count(batch, blobs)

    def _find_rows(self, commit: ShardCommit, works: _Works) -> None:
        bytes_max = self._bytes_max
        for index, history in enumerate(commit.histories):
            if len(history.data) > bytes_max:
                work = partial(self._record, commit.histories, index, HistoryBatch)
                works.append((len(history.data), work))
        for index, snapshot in enumerate(commit.snapshots):
            if len(snapshot.data) > bytes_max:
                work = partial(self._record, commit.snapshots, index, Snapshot)
                works.append((len(snapshot.data), work))
        for index, row in enumerate(commit.executions):
            if len(row.output) > bytes_max:
                works.append((len(row.output), partial(_output, commit.executions, index)))
        for index, message in enumerate(commit.outbox):
            if len(message.data) > bytes_max:
                works.append((len(message.data), partial(self._message, commit.outbox, index)))
        for index, letter in enumerate(commit.dead_letters):
            if len(letter.item) > bytes_max:
                works.append((len(letter.item), partial(self._letter, commit.dead_letters, index)))

    def _find_calls(self, shard_turn: ShardTurn, works: _Works) -> None:
        bytes_max = self._bytes_max
        for turn in shard_turn.turns:
            for index, effect in enumerate(turn.calls):
                if isinstance(effect, CallAction) and len(effect.arguments.data) > bytes_max:
                    works.append((len(effect.arguments.data), partial(_call, turn, index, effect)))

    def _record(
        self, rows: list[_Row], index: int, kind: type[HistoryBatch] | type[Snapshot], blobs: Blobs
    ) -> None:
        row = rows[index]
        message = kind.FromString(row.data)
        if take_out(message, row.execution_id, blobs, bytes_max=self._bytes_max):
            rows[index] = replace(row, data=message.SerializeToString())

    def _message(self, rows: list[OutboxRow], index: int, blobs: Blobs) -> None:
        # What is for an execution stands under that one, which may live longer than who sends it.
        row = rows[index]
        command = Command.FromString(row.data)
        if command.execution_id and take_out(command, command.execution_id, blobs, bytes_max=self._bytes_max):
            rows[index] = replace(row, data=command.SerializeToString())

    def _letter(self, rows: list[DeadLetterRow], index: int, blobs: Blobs) -> None:
        row = rows[index]
        item = decode(row.kind, row.item, shard=row.shard, execution_id=row.execution_id)
        if item is None or isinstance(item, DueTimer) or not row.execution_id:
            return
        message: ProtoMessage = item.result if isinstance(item, ActionAnswer) else item.record
        if take_out(message, row.execution_id, blobs, bytes_max=self._bytes_max):
            rows[index] = replace(row, item=encode(item)[1])


def _output(rows: list[ExecutionRow], index: int, blobs: Blobs) -> None:
    row = rows[index]
    rows[index] = replace(row, output=take_text(row.output, row.execution_id, blobs))


def _call(turn: Turn, index: int, effect: CallAction, blobs: Blobs) -> None:
    claim = take_text(effect.arguments.data, turn.execution_id, blobs)
    turn.calls[index] = replace(effect, arguments=Payload.encoded(claim))


def _do(works: Sequence[_Work], blobs: Blobs) -> None:
    for work in works:
        work(blobs)


def _count(batch: Sequence[ShardTurn], blobs: Blobs) -> None:
    """Have each execution that has made large texts count them as held in memory, which it may."""
    made: dict[str, int] = {}
    for blob in blobs.values():
        made[blob.name.execution_id] = made.get(blob.name.execution_id, 0) + len(blob.data)
    for shard_turn in batch:
        for turn in shard_turn.turns:
            turn.growth.large_bytes += made.get(turn.execution_id, 0)
