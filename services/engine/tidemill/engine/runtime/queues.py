"""Queues that take turns: those of shards, and in each of them those of lanes."""

from collections import Counter
from collections.abc import Callable, Collection
from itertools import islice
from typing import Final

from tidemill.engine.runtime.items import Item, LoggedCommand, Message
from tidemill.lanes import hash_digits, hash_digits_of, lane_hash

# Messages of a shard to itself are applied in the order of their numbers, whatever lane they are for.
_ALL_LANES: Final = ""


class ShardQueues:
    """Items of one kind: shards take turns, and in each its lanes; those of a lane keep their order."""

    def __init__(self) -> None:
        # In the order in which the shards get their turns; none is empty.
        self._shards: dict[int, _LaneQueues] = {}
        self._count = 0
        self.size_bytes = 0

    def __len__(self) -> int:
        return self._count

    def waiting(self, shard: int) -> tuple[int, int]:
        """How many items the shard has, and how many bytes of log they were."""
        lanes = self._shards.get(shard)
        return (lanes.count, lanes.size_bytes) if lanes is not None else (0, 0)

    def add(self, item: Item) -> None:
        """Put the item behind what its lane has."""
        lanes = self._shards.get(item.shard)
        if lanes is None:
            lanes = self._shards[item.shard] = _LaneQueues()
        lanes.add(item)
        self._count += 1
        self.size_bytes += _size_bytes(item)

    def take(self, limit: int, shard_max: Callable[[int], int]) -> tuple[list[Item], Counter[int]]:
        """Up to `limit` items, as evenly as the shards and their lanes have them, and how many each shard
        gave, which is not more than its `shard_max`."""
        items: list[Item] = []
        given: Counter[int] = Counter()
        turns = list(self._shards)
        while turns and len(items) < limit:
            share = max((limit - len(items)) // len(turns), 1)
            for shard in turns:
                lanes = self._shards.pop(shard)
                part = lanes.take(min(share, shard_max(shard) - given[shard], limit - len(items)))
                items += part
                given[shard] += len(part)
                if lanes.count:
                    self._shards[shard] = lanes
                if len(items) == limit:
                    break
            turns = [shard for shard in turns if shard in self._shards and given[shard] < shard_max(shard)]
        self._count -= len(items)
        self.size_bytes -= sum(map(_size_bytes, items))
        return items, given

    def drop(self, shards: Collection[int]) -> None:
        """Forget what these shards have."""
        for shard in shards:
            lanes = self._shards.pop(shard, None)
            if lanes is not None:
                self._count -= lanes.count
                self.size_bytes -= lanes.size_bytes


class _LaneQueues:
    """What one shard has: a queue for each lane, in the order of their turns; none is empty.

    Lists and no deques, for most hold one item.
    """

    def __init__(self) -> None:
        self._lanes: dict[str, list[Item]] = {}
        self.count = 0
        self.size_bytes = 0

    def add(self, item: Item) -> None:
        self._lanes.setdefault(_lane_of(item), []).append(item)
        self.count += 1
        self.size_bytes += _size_bytes(item)

    def take(self, limit: int) -> list[Item]:
        items: list[Item] = []
        while self._lanes and (left := limit - len(items)) > 0:
            share = max(left // len(self._lanes), 1)
            for lane in list(islice(self._lanes, left)):
                queue = self._lanes.pop(lane)
                part = min(share, limit - len(items))
                items += queue[:part]
                if len(queue) > part:
                    del queue[:part]
                    self._lanes[lane] = queue
        self.count -= len(items)
        self.size_bytes -= sum(map(_size_bytes, items))
        return items


def _lane_of(item: Item) -> str:
    """What tells the item's lane from the others of its shard: the hash that ids begin with. Two lanes of one
    hash are in turn with each other, as one."""
    match item:
        case Message():
            return _ALL_LANES
        case LoggedCommand() if item.record.lane:
            return hash_digits(lane_hash(item.record.lane))
        case _:
            return hash_digits_of(item.execution_id)


def _size_bytes(item: Item) -> int:
    return item.size_bytes if isinstance(item, LoggedCommand) else 0
