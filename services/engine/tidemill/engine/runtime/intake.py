"""Reads the command log into the inbox, as far as there is room."""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from google.protobuf.message import DecodeError

from tidemill.api.events.v1.command_pb2 import Command
from tidemill.engine.log.port import CommandLog, LogGapError, LogRecord
from tidemill.engine.runtime.items import LoggedCommand
from tidemill.engine.runtime.owned_shard import OwnedShard
from tidemill.engine.runtime.ownership import Ownership

RECORDS_A_READ_MAX = 512


class Intake:
    """Follows the log of each owned shard from the offset that the store has."""

    def __init__(self, log: CommandLog, ownership: Ownership, ahead_max: int) -> None:
        self._log = log
        self._ahead_max = ahead_max
        self._inbox = ownership.memory.inbox
        self._ownership = ownership
        # The next offset to read of each shard, and the ownership for which that holds.
        self._next: dict[int, tuple[OwnedShard, int]] = {}
        # Shards of which there may be more to read, in the order in which they get their turn.
        self._due: dict[int, None] = {}
        self.wake = asyncio.Event()
        ownership.memory.follow(self._begin, self._drop)

    def _begin(self, taken: Mapping[int, OwnedShard]) -> None:
        self._next.update((shard, (row, row.log_offset)) for shard, row in taken.items())
        self.appended(taken)

    def _drop(self, shards: Collection[int]) -> None:
        for shard in shards:
            self._next.pop(shard, None)
        self._log.forget(shards)

    def appended(self, shards: Iterable[int]) -> None:
        """The log may have more of these."""
        self._due.update(dict.fromkeys(shards))
        self.wake.set()

    def has_room(self) -> None:
        """The inbox has room again: whoever waits for it gets a turn."""
        if self._due:
            self.wake.set()

    async def run_once(self) -> bool:
        """Read what the log has; whether anything came. Where it has told of nothing, look at every shard."""
        worked = False
        for shard in list(self._due or self._next):
            place = self._next.get(shard)
            if place is None:
                self._due.pop(shard, None)  # it was lost since
            elif (room := self._room(shard, place)) > 0:
                self._due.pop(shard, None)
                worked = await self._read(shard, place, room) or worked
        return worked

    async def _read(self, shard: int, place: tuple[OwnedShard, int], room: int) -> bool:
        owned, offset = place
        try:
            records = await self._log.read(shard, offset, room)
        except LogGapError as error:
            async with self._ownership.commit_lock:
                self._ownership.halt(error)
            return True
        except BaseException:
            self._due[shard] = None
            raise
        if len(records) == room:
            self._due[shard] = None
        # Where the shard was taken anew while we read, what was read is read again.
        if records and self._next.get(shard) == place:
            self._next[shard] = (owned, records[-1].offset + 1)
            commands = [*_lacking(records, offset), *(_command(record, owned) for record in records)]
            self._inbox.put([command for command in commands if command.offset not in owned.applied])
        return bool(records)

    def _room(self, shard: int, place: tuple[OwnedShard, int]) -> int:
        """How many records to read at once: not beyond what may be applied ahead of the first that is not."""
        owned, offset = place
        ahead = owned.log_offset + self._ahead_max - offset
        return max(min(self._inbox.command_room(shard), ahead, RECORDS_A_READ_MAX), 0)


def _lacking(records: Sequence[LogRecord], offset: int) -> Iterator[LoggedCommand]:
    """Commands that change nothing in place of offsets that a log has no records for, as Kafka's where
    transactions end: what is applied behind them would wait for them otherwise."""
    if records[-1].offset - offset + 1 == len(records):
        return
    held = {record.offset for record in records}
    for lacking in range(offset, records[-1].offset):
        if lacking not in held:
            yield LoggedCommand(records[0].shard, "", lacking, Command(), repeated=True)


def _command(record: LogRecord, owned: OwnedShard) -> LoggedCommand:
    try:
        command = Command.FromString(record.data)
    except DecodeError:
        # An empty command is refused where it is applied, which keeps its bytes' place in the order.
        command = Command()
    repeated = owned.is_repeat(record.offset, command)
    return LoggedCommand(
        record.shard, command.execution_id, record.offset, command, repeated, len(record.data)
    )
