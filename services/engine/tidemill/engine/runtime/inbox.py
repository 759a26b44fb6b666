"""The inbox of a process's shards: everything that waits for the next batch, in the order it came."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Sequence

from tidemill.engine.runtime.items import Item, LoggedCommand


class Inbox:
    """One queue for all shards of the process.

    The limit is on commands out of the log alone: results, timers and owed work always have room, for they
    are what empties the rest (their own sources are bounded).
    """

    def __init__(self, commands_max: int) -> None:
        self.wake = asyncio.Event()
        self._items: deque[Item] = deque()
        self._commands_max = commands_max
        self._commands = 0
        self._room_wanted: Callable[[], None] | None = None

    def __len__(self) -> int:
        return len(self._items)

    @property
    def command_room(self) -> int:
        """How many more commands of the log may come in."""
        return max(self._commands_max - self._commands, 0)

    def on_room(self, wake: Callable[[], None]) -> None:
        """Have `wake` called when commands have been taken out."""
        self._room_wanted = wake

    def put(self, items: Sequence[Item]) -> None:
        """Add items at the end."""
        self._items.extend(items)
        self._commands += sum(isinstance(item, LoggedCommand) for item in items)
        self.wake.set()

    def take(self, limit: int) -> list[Item]:
        """Take up to `limit` items from the front."""
        count = min(limit, len(self._items))
        items = [self._items.popleft() for _ in range(count)]
        commands = sum(isinstance(item, LoggedCommand) for item in items)
        if commands:
            self._commands -= commands
            if self._room_wanted is not None:
                self._room_wanted()
        return items

    def drop(self, shards: Collection[int]) -> None:
        """Drop what is for these shards: the log, the ledger and the timer rows still have it."""
        self._items = deque(item for item in self._items if item.shard not in shards)
        self._commands = sum(isinstance(item, LoggedCommand) for item in self._items)
