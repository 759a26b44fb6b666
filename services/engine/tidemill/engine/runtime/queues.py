"""Queues that take turns: those of shards, and in each of them those of lanes."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from tidemill.engine.runtime.items import Item, LoggedCommand, Message
from tidemill.lanes import hash_digits, hash_digits_of, lane_hash


@dataclass(slots=True)
class Taken:
    """What was taken, and how many of it each shard and each lane gave."""

    items: list[Item] = field(default_factory=list)
    of_shards: Counter[int] = field(default_factory=Counter)
    of_lanes: Counter[str] = field(default_factory=Counter)


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

    def take(self, limit: int, shard_max: Callable[[int], int], lane_max: Callable[[str], int]) -> Taken:
        """Up to `limit` items, as evenly as the shards and their lanes have them; of none more than its
        maximum."""
        taken = Taken()
        turns = list(self._shards)
        done: set[int] = set()
        while turns and (left := limit - len(taken.items)) > 0:
            share = max(left // len(turns), 1)
            for shard in turns:
                lanes = self._shards.pop(shard)
                room = min(share, shard_max(shard) - taken.of_shards[shard], limit - len(taken.items))
                taken.of_shards[shard] += (part := lanes.take(room, lane_max, taken))
                if lanes.count:
                    self._shards[shard] = lanes
                if part == 0 or taken.of_shards[shard] >= shard_max(shard):
                    done.add(shard)
                if len(taken.items) == limit:
                    break
            turns = [shard for shard in turns if shard in self._shards and shard not in done]
        self._count -= len(taken.items)
        self.size_bytes -= sum(map(_size_bytes, taken.items))
        return taken

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
        self._lanes: OrderedDict[str, list[Item]] = OrderedDict()
        self.count = 0
        self.size_bytes = 0

    def add(self, item: Item) -> None:
        self._lanes.setdefault(_lane_of(item), []).append(item)
        self.count += 1
        self.size_bytes += _size_bytes(item)

    def take(self, limit: int, lane_max: Callable[[str], int], taken: Taken) -> int:
        """Add up to `limit` items to those that are taken; how many."""
        before = len(taken.items)
        end = before + limit
        goes_on = True
        while goes_on and self._lanes and (left := end - len(taken.items)) > 0:
            goes_on = self._round(max(left // len(self._lanes), 1), end, lane_max, taken)
        count = len(taken.items) - before
        self.count -= count
        self.size_bytes -= sum(map(_size_bytes, taken.items[before:]))
        return count

    def _round(self, share: int, end: int, lane_max: Callable[[str], int], taken: Taken) -> bool:
        """Give each lane its turn until `end` items are taken; whether any had something to give."""
        before = len(taken.items)
        for _ in range(len(self._lanes)):
            lane, queue = self._lanes.popitem(last=False)
            part = min(share, lane_max(lane) - taken.of_lanes[lane], end - len(taken.items))
            if part > 0:
                taken.items += queue[:part]
                taken.of_lanes[lane] += min(part, len(queue))
                del queue[:part]
            if queue:
                self._lanes[lane] = queue
            if len(taken.items) == end:
                break
        return len(taken.items) > before


def _lane_of(item: Item) -> str:
    """What tells the item's lane from the others of its shard: the hash that ids begin with. Two lanes of one
    hash are in turn with each other, as one."""
    match item:
        case Message():
            # Those of a shard to itself are applied in the order of their numbers, whoever they are for.
            return f"messages of {item.shard}"
        case LoggedCommand() if item.record.lane:
            return hash_digits(lane_hash(item.record.lane))
        case _:
            return hash_digits_of(item.execution_id)


def _size_bytes(item: Item) -> int:
    return item.size_bytes if isinstance(item, LoggedCommand) else 0
