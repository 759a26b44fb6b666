"""The inbox of a process's shards: everything that waits for the next batch."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

from tidemill.engine.runtime.items import DueTimer, Item, LoggedCommand, OwedWork, SnapshotDue
from tidemill.engine.runtime.queues import ShardQueues, Taken
from tidemill.engine.settings import Settings

# An execution that has a call made is back before so many short batches are over.
_BATCHES_A_HOP: Final = 6
# However much of a lane is under way, it begins one part of so many of what it may.
_COMMANDS_OF_A_LANE: Final = 4


class Inbox:
    """One inbox for all shards of the process, with three kinds of items, each in the order in which it came.

    Work under way (outcomes of actions, messages) goes before commands out of the log, so that what was begun
    ends before more is begun; each batch has some commands all the same. Shards take turns in both, and in
    each shard its lanes; no shard has more than its part of a batch. So a lane with very much to do neither
    holds up the others, which overtake it, nor makes the batches long for which they wait. What comes in
    herds (due timers, owed work of a shard that was taken, snapshots) is spread over batches that stay short,
    for whatever else comes waits for the batch at hand. And they are shorter yet while something else comes,
    which waits for one batch after the other: then a batch has twice as much of the herd, or of one lane, as
    of all else.

    The limits are on commands alone: everything else always has room, for it is what empties the rest (its
    own sources are bounded).
    """

    def __init__(self, settings: Settings) -> None:
        self.wake = asyncio.Event()
        self._work = ShardQueues()
        self._commands = ShardQueues()
        self._herd: deque[Item] = deque()
        # The bytes of log that the commands of each shard were, and those of all.
        self._bytes: dict[int, int] = {}
        self._bytes_of_all = 0
        self._commands_max = settings.inbox_commands_max
        self._bytes_max = settings.inbox_bytes_max
        self._commands_min = settings.batch_commands_min
        self._shard_max = settings.batch_shard_max
        self._herd_max = settings.batch_herd_max
        self._part_min = settings.batch_part_min
        # For each of the last batches how much there was beside the herd, and beside its largest lane.
        self._beside_herd: deque[int] = deque(maxlen=_BATCHES_A_HOP)
        self._beside_lane: deque[int] = deque(maxlen=_BATCHES_A_HOP)
        self._room_wanted: Callable[[], None] | None = None

    def __len__(self) -> int:
        return len(self._work) + len(self._commands) + len(self._herd)

    def command_room(self, shard: int) -> int:
        """How many more commands of the shard's log may come in.

        No shard has more than what is free yet: one alone gets half of the inbox, and leaves room for
        whatever others bring (dynamic thresholds, Choudhury and Hahne 1998).
        """
        if self._bytes.get(shard, 0) >= self._bytes_max - self._bytes_of_all:
            return 0
        return max(self._commands_max - len(self._commands) - self._commands.waiting(shard), 0)

    @property
    def herd(self) -> int:
        """How many items wait that came in herds."""
        return len(self._herd)

    def on_room(self, wake: Callable[[], None]) -> None:
        """Have `wake` called when there may be room for more commands."""
        self._room_wanted = wake

    def put(self, items: Sequence[Item]) -> None:
        """Add items at the ends of their queues."""
        for item in items:
            match item:
                case LoggedCommand():
                    self._commands.add(item)
                    self._bytes[item.shard] = self._bytes.get(item.shard, 0) + item.size_bytes
                    self._bytes_of_all += item.size_bytes
                case DueTimer() | OwedWork() | SnapshotDue():
                    self._herd.append(item)
                case _:
                    self._work.add(item)
        self.wake.set()

    def take(self, limit: int) -> list[Item]:
        """Take up to `limit` items for the next batch: work under way, commands, and some of the herd."""
        herd = min(self._herd_share(), limit)
        commands_min = min(len(self._commands), self._commands_min, limit - herd)
        lane_max = self._part(self._beside_lane, self._shard_max)
        work = self._work.take(limit - herd - commands_min, lambda _: self._shard_max, lambda _: lane_max)
        commands = self._commands.take(
            limit - herd - len(work.items),
            lambda shard: max(self._shard_max - work.of_shards.get(shard, 0), commands_min),
            lambda lane: max(lane_max - work.of_lanes.get(lane, 0), lane_max // _COMMANDS_OF_A_LANE, 1),
        )
        for command in commands.items:
            assert isinstance(command, LoggedCommand)
            self._bytes[command.shard] -= command.size_bytes
            self._bytes_of_all -= command.size_bytes
        items = work.items + commands.items
        self._beside_lane.append(len(items) - _largest(work, commands))
        items += [self._herd.popleft() for _ in range(herd)]
        if commands.items:
            self.tell_room()
        return items

    def _herd_share(self) -> int:
        self._beside_herd.append(len(self._work) + len(self._commands))
        return min(len(self._herd), self._part(self._beside_herd, self._herd_max))

    def _part(self, others: Iterable[int], most: int) -> int:
        """How much a batch may have of the herd, or of one lane: the most where it was alone of late, else
        twice as much as of all else. Not just as much: a lane and those that it brings to work would keep
        each other at few."""
        beside = max(others, default=0)
        return min(max(2 * beside, self._part_min), most) if beside else most

    def tell_room(self) -> None:
        """There may be room for more commands."""
        if self._room_wanted is not None:
            self._room_wanted()

    def drop(self, shards: Collection[int]) -> None:
        """Drop what is for these shards: the log, the ledger and the timer rows still have it."""
        self._work.drop(shards)
        self._commands.drop(shards)
        for shard in shards:
            self._bytes_of_all -= self._bytes.pop(shard, 0)
        self._herd = deque(item for item in self._herd if item.shard not in shards)


def _largest(work: Taken, commands: Taken) -> int:
    """How much the lane has that has most; one where none has more than one."""
    counted = work.of_lanes.keys() | commands.of_lanes.keys()
    found = (work.of_lanes.get(lane, 0) + commands.of_lanes.get(lane, 0) for lane in counted)
    return max(found, default=min(len(work.items) + len(commands.items), 1))
