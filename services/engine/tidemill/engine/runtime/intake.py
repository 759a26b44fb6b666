"""Reads the command log into the inbox, as far as there is room."""

from google.protobuf.message import DecodeError

from tidemill.api.events.v1.command_pb2 import Command
from tidemill.engine.log.port import CommandLog, LogRecord
from tidemill.engine.runtime.inbox import Inbox
from tidemill.engine.runtime.items import LoggedCommand
from tidemill.engine.runtime.turns import OwnedShard

RECORDS_A_READ_MAX = 512


class Intake:
    """Follows the log of each owned shard from the offset that the store has."""

    def __init__(self, log: CommandLog, inbox: Inbox) -> None:
        self._log = log
        self._inbox = inbox
        self._next: dict[int, int] = {}
        self._generation = 0

    def begin(self, owned: dict[int, OwnedShard]) -> None:
        """Follow these shards from their offsets."""
        self._next = {shard: row.log_offset for shard, row in owned.items()}
        self._generation += 1

    async def run_once(self) -> bool:
        """Read what the log has for each shard; whether anything came."""
        worked = False
        for shard in self._next:
            room = min(self._inbox.command_room, RECORDS_A_READ_MAX)
            if room == 0:
                break
            generation = self._generation
            records = await self._log.read(shard, self._next[shard], room)
            if generation != self._generation:
                return True  # the shards were taken anew while we read: what was read is read again
            if records:
                self._next[shard] = records[-1].offset + 1
                self._inbox.put([_command(record) for record in records])
                worked = True
        return worked


def _command(record: LogRecord) -> LoggedCommand:
    try:
        command = Command.FromString(record.data)
    except DecodeError:
        # An empty command is refused where it is applied, which keeps its bytes' place in the order.
        command = Command()
    return LoggedCommand(record.shard, command.execution_id, record.offset, command)
