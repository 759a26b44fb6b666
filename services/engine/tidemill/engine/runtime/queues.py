"""Queues that take turns: those of shards, and in each of them those of lanes."""

from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from tidemill.engine.runtime.items import Item, LoggedCommand, Message
from tidemill.lanes import hash_digits, hash_digits_of, lane_hash


@dataclass(slots=True)
class Taken:
    """What was taken, and how many of it each shard gave, and each lane that had more than one."""

    items: list[Item] = field(default_factory=list)
    of_shards: dict[int, int] = field(default_factory=dict)
    of_lanes: dict[str, int] = field(default_factory=dict)


class ShardQueues:
    """Items of one kind: shards take turns, and in each its lanes; those of a lane keep their order."""

    def __init__(self) -> None:
        # In the order in which the shards get their turns; none is empty.
        self._shards: dict[int, _LaneQueues] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def waiting(self, shard: int) -> int:
        """How many items the shard has."""
        lanes = self._shards.get(shard)
        return lanes.count if lanes is not None else 0

    def add(self, item: Item) -> None:
        """Put the item behind what its lane has."""
        lanes = self._shards.get(item.shard)
        if lanes is None:
            lanes = self._shards[item.shard] = _LaneQueues()
        lanes.add(item)
        self._count += 1

    def take(self, limit: int, shard_max: Callable[[int], int], lane_max: Callable[[str], int]) -> Taken:
        """Up to `limit` items, as evenly as the shards and their lanes have them; of none more than its
        maximum."""
        taken = Taken()
        turns = list(self._shards)
        while turns and (left := limit - len(taken.items)) > 0:
            share = max(left // len(turns), 1)
            following = []
            for shard in turns:
                if len(taken.items) == limit:
                    break  # those who come now keep their turn for the next time
                given, most = taken.of_shards.get(shard, 0), shard_max(shard)
                room = min(share, most - given, limit - len(taken.items))
                lanes = self._shards.pop(shard)
                part = lanes.take(room, lane_max, taken) if room > 0 else 0
                taken.of_shards[shard] = given + part
                if lanes.count:
                    self._shards[shard] = lanes
                    if part:
                        following.append(shard)
            turns = following
        self._count -= len(taken.items)
        return taken

    def drop(self, shards: Collection[int]) -> None:
        """Forget what these shards have."""
        for shard in shards:
            lanes = self._shards.pop(shard, None)
            if lanes is not None:
                self._count -= lanes.count


class _LaneQueues:
    """What one shard has: a queue for each lane, in the order of their turns; none is empty.

    Lists and no deques, for most hold one item.
    """

    def __init__(self) -> None:
        self._lanes: OrderedDict[str, list[Item]] = OrderedDict()
        self.count = 0

    def add(self, item: Item) -> None:
        lane = _lane_of(item)
        queue = self._lanes.get(lane)
        if queue is None:
            self._lanes[lane] = [item]
        else:
            queue.append(item)
        self.count += 1

    def take(self, limit: int, lane_max: Callable[[str], int], taken: Taken) -> int:
        """Add up to `limit` items to those that are taken; how many."""
        before = len(taken.items)
        end = before + limit
        goes_on = True
        while goes_on and self._lanes and (left := end - len(taken.items)) > 0:
            goes_on = self._round(max(left // len(self._lanes), 1), end, lane_max, taken)
        count = len(taken.items) - before
        self.count -= count
        return count

    def _round(self, share: int, end: int, lane_max: Callable[[str], int], taken: Taken) -> bool:
        """Give each lane its turn until `end` items are taken; whether any had something to give."""
        items, of_lanes = taken.items, taken.of_lanes
        before = len(items)
        for _ in range(len(self._lanes)):
            lane, queue = self._lanes.popitem(last=False)
            if len(queue) == 1 and lane not in of_lanes:
                items.append(queue[0])
            else:
                given = of_lanes.get(lane, 0)
                part = max(min(share, lane_max(lane) - given, end - len(items), len(queue)), 0)
                items += queue[:part]
                of_lanes[lane] = given + part
                del queue[:part]
                if queue:
                    self._lanes[lane] = queue
            if len(items) == end:
                break
        return len(items) > before


def _lane_of(item: Item) -> str:
    """What tells the item's lane from the others of its shard: the hash that ids begin with. Two lanes of one
    hash are in turn with each other, as one."""
    if isinstance(item, Message):
        # Those of a shard to itself are applied in the order of their numbers, whoever they are for.
        return f"messages of {item.shard}"
    if not item.execution_id and isinstance(item, LoggedCommand):
        return hash_digits(lane_hash(item.record.lane))
    return hash_digits_of(item.execution_id)
