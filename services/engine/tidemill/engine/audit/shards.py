"""Facts about shards, one after the other: what each has applied, by its commits and by its log."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

from google.protobuf.message import DecodeError

from tidemill import lanes
from tidemill.api.events.v1.command_pb2 import Command
from tidemill.checking import facts
from tidemill.engine.audit.causes import causes_of, read_record
from tidemill.engine.audit.port import AuditLog, AuditStore
from tidemill.engine.log.port import Extent, LogGapError, LogRecord
from tidemill.engine.runtime.items import (
    COMMAND_KIND,
    MESSAGE_KIND,
    RESULT_KIND,
    TIMER_KIND,
    ActionAnswer,
    LoggedCommand,
    Message,
)
from tidemill.engine.runtime.items import decode as decode_item
from tidemill.engine.store.rows import DeadLetterRow, HistoryRow, ShardRow
from tidemill.events.envelopes import event_digest
from tidemill.storage import StorageUnavailableError

ROWS_A_PAGE: Final = 1_000
_POLL_SECONDS: Final = 0.01
_POLLS_MAX: Final = 3_000


class Shards:
    """Tells of all shards."""

    def __init__(self, store: AuditStore, log: AuditLog, shards: int) -> None:
        self._store = store
        self._log = log
        self._shards = shards

    async def dead_letters(self) -> AsyncIterator[facts.EngineFact]:
        """All dead letters."""
        after = 0
        while rows := await self._store.page_dead_letters(after, ROWS_A_PAGE):
            for row in rows:
                yield _letter(row)
            after = rows[-1].number

    async def tell(self) -> AsyncIterator[facts.EngineFact]:
        """Each shard with what it has of the others, of commits and of the log."""
        peers = await self._store.peers()
        rows = await self._store.shards()
        # Asked after the store's moment, the log holds at least all that shards had applied then.
        extents = await self._log.extents()
        for row in rows:
            extent = extents[row.shard]
            yield facts.Shard(
                row.shard,
                row.epoch,
                row.log_offset,
                row.clock_us,
                row.commit_number,
                row.outbox_sequence,
                extent.first,
                extent.next,
                row.applied.ahead,
            )
            for (shard, source), sequence in sorted(peers.items()):
                if shard == row.shard:
                    yield facts.Peer(shard, source, sequence)
            async for fact in self._applied(row):
                yield fact
            async for fact in self._outbox(row.shard):
                yield fact
            async for fact in self._records(row.shard, extent):
                yield fact

    async def _applied(self, row: ShardRow) -> AsyncIterator[facts.EngineFact]:
        after = -1
        while offsets := await self._store.page_rejections(row.shard, after, ROWS_A_PAGE):
            for offset in offsets:
                yield facts.Rejection(row.shard, offset)
            after = offsets[-1]
        commit = 0
        while rows := await self._store.page_commits(row.shard, commit, ROWS_A_PAGE):
            for stored in rows:
                yield _commit(row.shard, stored)
            commit = rows[-1].commit_number

    async def _outbox(self, shard: int) -> AsyncIterator[facts.EngineFact]:
        after = 0
        while rows := await self._store.page_outbox(shard, after, ROWS_A_PAGE):
            for row in rows:
                command = _command(row.data)
                yield facts.Outgoing(shard, row.sequence, row.target_shard, kind_of(command), about(command))
            after = rows[-1].sequence

    async def _records(self, shard: int, extent: Extent) -> AsyncIterator[facts.EngineFact]:
        offset = extent.first
        polls = 0
        while offset < extent.next:
            try:
                records = await self._log.read(shard, offset, ROWS_A_PAGE)
            except LogGapError:
                offset = await self._later(shard, offset)
                yield facts.Trimmed(shard, offset)
                continue
            if not records:
                # A log on the network hands on what has arrived so far.
                polls += 1
                if polls > _POLLS_MAX:
                    raise StorageUnavailableError("command log", f"shard {shard} gives nothing from {offset}")
                await asyncio.sleep(_POLL_SECONDS)
                continue
            polls = 0
            for fact in await self._told(records):
                yield fact
            offset = records[-1].offset + 1

    async def _later(self, shard: int, offset: int) -> int:
        """Where the log begins by now, when it was trimmed past what was to be read."""
        first = (await self._log.extents())[shard].first
        if first <= offset:
            raise StorageUnavailableError("command log", f"shard {shard} has no record {offset}")
        return first

    async def _told(self, records: Sequence[LogRecord]) -> list[facts.LogRecord]:
        commands = [_command(record.data) for record in records]
        started = [command.execution_id for command in commands if command.HasField("start")]
        there = await self._store.phases([held for held in started if lanes.is_execution_id(held)])
        seen = await self._store.seen([_hearing(command) for command in commands if _is_new_event(command)])
        told = []
        for record, command in zip(records, commands, strict=True):
            known = _hearing(command) in seen if _is_new_event(command) else command.execution_id in there
            told.append(_record(record, command, home=self._home(record.shard, command), known=known))
        return told

    def _home(self, shard: int, command: Command) -> int:
        """The shard that the command's lane belongs to; where it names none, the one that it is in."""
        if command.lane:
            return lanes.shard_of(lanes.lane_hash(command.lane), self._shards)
        if lanes.is_execution_id(command.execution_id):
            return lanes.shard_of(lanes.hash_of_execution_id(command.execution_id), self._shards)
        return shard


def _commit(shard: int, row: HistoryRow) -> facts.Commit:
    try:
        record = read_record(row.data)
    except DecodeError:
        # The fold has said so already.
        return facts.Commit(shard, row.commit_number, 0, row.execution_id, row.sequence, (), ())
    causes = causes_of(record)
    return facts.Commit(
        shard,
        row.commit_number,
        record.time_us,
        row.execution_id,
        row.sequence,
        [(number, first) for kind, _, number, _, first in causes if kind == facts.LOG],
        [number for kind, _, number, _, _ in causes if kind == facts.MESSAGE and number],
    )


def _command(data: bytes) -> Command:
    try:
        return Command.FromString(data)
    except DecodeError:
        return Command()


def kind_of(command: Command) -> str:
    """What the command asks for; empty for one that cannot be read."""
    return command.WhichOneof("kind") or ""


def about(command: Command) -> str:
    """The execution that the command concerns: that which it is for, or for which a lane is asked."""
    match command.WhichOneof("kind"):
        case "subscribe":
            return command.subscribe.execution_id
        case "unsubscribe":
            return command.unsubscribe.execution_id
        case "pace":
            return command.pace.execution_id
        case "start" if command.start.parent_execution_id:
            return command.start.parent_execution_id
        case _:
            return command.execution_id


def _is_new_event(command: Command) -> bool:
    return command.HasField("hear") and not command.hear.after_execution_id


def _hearing(command: Command) -> tuple[bytes, bytes]:
    event = command.hear.event
    return command.lane, event_digest(event.source, event.id)


def _record(record: LogRecord, command: Command, *, home: int, known: bool) -> facts.LogRecord:
    return facts.LogRecord(
        record.shard,
        record.offset,
        kind_of(command),
        command.execution_id,
        home,
        about(command),
        command.source_shard,
        command.source_sequence,
        command.accepted_at_us,
        known,
    )


def _letter(row: DeadLetterRow) -> facts.DeadLetter:
    held = decode_item(row.kind, row.item, shard=row.shard, execution_id=row.execution_id)
    match held:
        case LoggedCommand():
            return facts.DeadLetter(row.shard, about(held.record), COMMAND_KIND, "", held.offset)
        case ActionAnswer():
            result = held.result
            return facts.DeadLetter(row.shard, row.execution_id, RESULT_KIND, result.key, result.attempt)
        case Message():
            return facts.DeadLetter(row.shard, about(held.record), MESSAGE_KIND, "", held.sequence)
        case None:
            return facts.DeadLetter(row.shard, row.execution_id, row.kind, "", 0)
        case _:
            return facts.DeadLetter(row.shard, row.execution_id, TIMER_KIND, held.timer_id, 0)
