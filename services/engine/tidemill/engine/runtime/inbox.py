"""The inbox of a process's shards: everything that waits for the next batch."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from typing import Final

from tidemill.engine.runtime.items import DueTimer, Item, LoggedCommand, OwedWork, SnapshotDue
from tidemill.engine.settings import Settings

# A shard with more to do than this part of the inbox leaves the rest to the others.
_SHARD_PARTS: Final = 8


class Inbox:
    """One inbox for all shards of the process, with three kinds of items, each in the order in which it came.

    Work under way (outcomes of actions, messages) goes before commands out of the log, so that what was begun
    ends before more is begun; each batch has some commands all the same. Shards take turns in both, and none
    has more than its part of a batch, so that a lane with very much to do neither holds up the others nor
    makes the batches long for which they wait. What comes in herds (due timers, owed work of a shard that was
    taken, snapshots) is spread over batches that stay short, for whatever else comes waits for the batch at
    hand.

    The limit is on commands alone: everything else always has room, for it is what empties the rest (its own
    sources are bounded).
    """

    def __init__(self, settings: Settings) -> None:
        self.wake = asyncio.Event()
        self._work = ShardQueues()
        self._commands = ShardQueues()
        self._herd: deque[Item] = deque()
        self._commands_max = settings.inbox_commands_max
        self._shard_commands_max = max(settings.inbox_commands_max // _SHARD_PARTS, 1)
        self._commands_min = settings.batch_commands_min
        self._shard_max = settings.batch_shard_max
        self._herd_max = settings.batch_herd_max
        self._room_wanted: Callable[[], None] | None = None

    def __len__(self) -> int:
        return len(self._work) + len(self._commands) + len(self._herd)

    def command_room(self, shard: int) -> int:
        """How many more commands of the shard's log may come in."""
        queued = self._commands.waiting(shard)
        return max(min(self._commands_max - len(self._commands), self._shard_commands_max - queued), 0)

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
                    self._commands.add(item)
                case DueTimer() | OwedWork() | SnapshotDue():
                    self._herd.append(item)
                case _:
                    self._work.add(item)
        self.wake.set()

    def take(self, limit: int) -> list[Item]:
        """Take up to `limit` items for the next batch: work under way, commands, and some of the herd."""
        herd = min(len(self._herd), self._herd_max, limit)
        commands_min = min(len(self._commands), self._commands_min, limit - herd)
        items, of_shards = self._work.take(limit - herd - commands_min, lambda _: self._shard_max)
        commands, _ = self._commands.take(
            limit - herd - len(items), lambda shard: max(self._shard_max - of_shards[shard], commands_min)
        )
        items += commands
        items += [self._herd.popleft() for _ in range(herd)]
        if commands and self._room_wanted is not None:
            self._room_wanted()
        return items

    def drop(self, shards: Collection[int]) -> None:
        """Drop what is for these shards: the log, the ledger and the timer rows still have it."""
        self._work.drop(shards)
        self._commands.drop(shards)
        self._herd = deque(item for item in self._herd if item.shard not in shards)


class ShardQueues:
    """Items of one kind, by shard: those of a shard keep their order, and shards take turns."""

    def __init__(self) -> None:
        # In the order in which the shards get their turns; none is empty.
        self._queues: dict[int, deque[Item]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def waiting(self, shard: int) -> int:
        """How many items the shard has."""
        return len(self._queues.get(shard, ()))

    def add(self, item: Item) -> None:
        """Put the item behind what its shard has."""
        queue = self._queues.get(item.shard)
        if queue is None:
            queue = self._queues[item.shard] = deque()
        queue.append(item)
        self._count += 1

    def take(self, limit: int, shard_max: Callable[[int], int]) -> tuple[list[Item], Counter[int]]:
        """Up to `limit` items, as evenly as the shards have them, and how many each shard gave, which is not
        more than its `shard_max`."""
        items: list[Item] = []
        given: Counter[int] = Counter()
        turns = list(self._queues)
        while turns and len(items) < limit:
            share = max((limit - len(items)) // len(turns), 1)
            for shard in turns:
                queue = self._queues.pop(shard)
                part = min(share, len(queue), shard_max(shard) - given[shard], limit - len(items))
                items += [queue.popleft() for _ in range(part)]
                given[shard] += part
                if queue:
                    self._queues[shard] = queue
                if len(items) == limit:
                    break
            turns = [shard for shard in turns if shard in self._queues and given[shard] < shard_max(shard)]
        self._count -= len(items)
        return items, given

    def drop(self, shards: Collection[int]) -> None:
        """Forget what these shards have."""
        for shard in shards:
            self._count -= len(self._queues.pop(shard, ()))
