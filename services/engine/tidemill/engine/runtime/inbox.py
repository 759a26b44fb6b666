"""The inbox of a process's shards: everything that waits for the next batch."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Final

from tidemill.engine.runtime.items import DueTimer, Item, LoggedCommand, OwedWork, SnapshotDue
from tidemill.engine.settings import Settings

# A shard with more to do than this part of the inbox leaves the rest to the others.
_SHARD_PARTS: Final = 8


class Inbox:
    """One inbox for all shards of the process, with three kinds of items, each in the order in which it came.

    Work under way (outcomes of actions, messages) goes before commands out of the log, so that what was begun
    ends before more is begun; each batch has some commands all the same, from all shards in turns, so that a
    lane with very much to do holds up no shard but its own. What comes in herds (due timers,
    owed work of a shard that was taken, snapshots) is spread over batches that stay short, for whatever else
    comes waits for the batch at hand.

    The limit is on commands alone: everything else always has room, for it is what empties the rest (its own
    sources are bounded).
    """

    def __init__(self, settings: Settings) -> None:
        self.wake = asyncio.Event()
        self._work: deque[Item] = deque()
        # By shard, in the order in which the shards get their turns; none is empty.
        self._commands: dict[int, deque[Item]] = {}
        self._commands_count = 0
        self._herd: deque[Item] = deque()
        self._commands_max = settings.inbox_commands_max
        self._shard_commands_max = max(settings.inbox_commands_max // _SHARD_PARTS, 1)
        self._commands_min = settings.batch_commands_min
        self._herd_max = settings.batch_herd_max
        self._room_wanted: Callable[[], None] | None = None

    def __len__(self) -> int:
        return len(self._work) + self._commands_count + len(self._herd)

    def command_room(self, shard: int) -> int:
        """How many more commands of the shard's log may come in."""
        queued = len(self._commands.get(shard, ()))
        return max(min(self._commands_max - self._commands_count, self._shard_commands_max - queued), 0)

    @property
    def herd(self) -> int:
        """How many items wait that came in herds."""
        return len(self._herd)

    def on_room(self, wake: Callable[[], None]) -> None:
        """Have `wake` called when commands have been taken out."""
        self._room_wanted = wake

    def put(self, items: Sequence[Item]) -> None:
        """Add items at the ends of their queues."""
        for item in items:
            match item:
                case LoggedCommand():
                    self._commands.setdefault(item.shard, deque()).append(item)
                    self._commands_count += 1
                case DueTimer() | OwedWork() | SnapshotDue():
                    self._herd.append(item)
                case _:
                    self._work.append(item)
        self.wake.set()

    def take(self, limit: int) -> list[Item]:
        """Take up to `limit` items for the next batch: work under way, commands, and some of the herd."""
        herd = min(len(self._herd), self._herd_max, limit)
        commands = min(self._commands_count, self._commands_min, limit - herd)
        work = min(len(self._work), limit - herd - commands)
        commands = min(self._commands_count, limit - herd - work)
        items = _taken(self._work, work) + self._taken_commands(commands) + _taken(self._herd, herd)
        if commands and self._room_wanted is not None:
            self._room_wanted()
        return items

    def _taken_commands(self, count: int) -> list[Item]:
        """So many commands, which there are, as evenly over the shards as these have them."""
        self._commands_count -= count
        items: list[Item] = []
        while count:
            share = max(count // len(self._commands), 1)
            for shard in list(self._commands):
                queue = self._commands.pop(shard)
                part = min(share, len(queue), count)
                items += _taken(queue, part)
                count -= part
                if queue:
                    self._commands[shard] = queue
                if not count:
                    break
        return items

    def drop(self, shards: Collection[int]) -> None:
        """Drop what is for these shards: the log, the ledger and the timer rows still have it."""
        self._work = _without(self._work, shards)
        for shard in shards:
            self._commands_count -= len(self._commands.pop(shard, ()))
        self._herd = _without(self._herd, shards)


def _taken(queue: deque[Item], count: int) -> list[Item]:
    return [queue.popleft() for _ in range(count)]


def _without(queue: deque[Item], shards: Collection[int]) -> deque[Item]:
    return deque(item for item in queue if item.shard not in shards)
