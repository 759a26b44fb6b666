"""Which commands of a shard's log are applied: all below an offset, and some beyond it."""

from collections.abc import Iterable
from typing import TypeAlias

from tidemill.values import value

# A bit for each offset from the next one on, the lowest first.
Ahead: TypeAlias = int


@value
class AppliedOffsets:
    """Every offset below `next` is applied, `next` is not, and of those behind it the ones in `ahead` are.

    Lanes overtake each other in the log of their shard, and so what is applied has gaps: the offset map of
    Confluent's Parallel Consumer, as a bitmap. Bit 0 of `ahead` stands for `next`, and is never set.
    """

    next: int = 0
    ahead: Ahead = 0

    def __contains__(self, offset: int) -> bool:
        if offset < self.next:
            return True
        return bool(self.ahead and self.ahead >> (offset - self.next) & 1)

    def with_applied(self, offsets: Iterable[int]) -> "AppliedOffsets":
        """These and the given ones; some of them may be applied already."""
        ahead = self.ahead
        for offset in offsets:
            if offset >= self.next:
                ahead |= 1 << (offset - self.next)
        return self if ahead == self.ahead else _passed(self.next, ahead)

    def fits(self, first: int, end: int) -> bool:
        """Whether a log that holds `first` up to `end` goes on from here, and has had all that is applied."""
        return first <= self.next and self.end <= end

    def within(self, first: int, end: int) -> "AppliedOffsets":
        """These in a log that holds `first` up to `end`: what it lacks in front counts as applied, and of
        what it lacks behind nothing does."""
        if end <= self.next:
            return AppliedOffsets(end)
        ahead = self.ahead & ((1 << (end - self.next)) - 1)
        if first <= self.next:
            return AppliedOffsets(self.next, ahead)
        return _passed(first, ahead >> (first - self.next))

    @property
    def end(self) -> int:
        """The first offset from which on none is applied."""
        return self.next + self.ahead.bit_length()

    def count_missing(self, before: int) -> int:
        """How many below an offset, which is not below the next one, are not applied."""
        span = before - self.next
        return span - (self.ahead & ((1 << span) - 1)).bit_count()

    def count_ahead(self) -> int:
        """How many are applied behind the next one."""
        return self.ahead.bit_count()

    def ahead_bytes(self) -> bytes:
        """The bitmap as it is stored: empty where nothing is ahead."""
        return self.ahead.to_bytes((self.ahead.bit_length() + 7) // 8, "little")


def _passed(next_offset: int, ahead: Ahead) -> AppliedOffsets:
    """Move the next one past those that are applied."""
    passed = (~ahead & (ahead + 1)).bit_length() - 1
    return AppliedOffsets(next_offset + passed, ahead >> passed)


def read_applied(next_offset: int, ahead: bytes) -> AppliedOffsets:
    """What `ahead_bytes` has written beside its `next`."""
    return AppliedOffsets(next_offset, int.from_bytes(ahead, "little"))
