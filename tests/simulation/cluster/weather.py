"""Which faults come how often: drawn once a seed, so that seeds differ in kind and not only in order."""

from dataclasses import dataclass, field
from random import Random
from typing import Final

from tests.simulation.cluster.loop import MICRO

MILLI: Final = 1_000
# Writes: after these have failed nobody knows whether they were done.
WRITES: Final = frozenset(
    {"append", "commit", "take", "release", "renew_lease", "end_lease", "discard_outbox", "trim"}
)
# What a process may die in the middle of, beside any other moment.
_FATAL: Final = frozenset({"append", "commit", "take", "release", "discard_outbox"})
# Rare beside the others, and made in the middle of a decision: they fail more often.
_READ_WHILE_DECIDING: Final = frozenset({"read_lanes", "subscribers", "dead_letters"})
_NEVER: Final = (0.0, 0.0, 0.0)


@dataclass(slots=True)
class Fate:
    """What becomes of one request. Times are from its beginning on."""

    arrives_us: int = 0
    answered_us: int = 0
    # Not done at all; done, but the answer says otherwise; done later, when the answer has said otherwise.
    is_refused: bool = False
    is_unanswered: bool = False
    # The process dies before, or after, the request is served.
    kills_before: bool = False
    kills_after: bool = False


@dataclass(slots=True)
class Weather:
    """How often each fault comes; all of it is calm once `heal` was called."""

    random: Random
    # Of requests: those that take time, that take longer than a lease, that fail, that kill.
    waiting: float = 0.3
    slow: float = 0.0
    failing: float = 0.0
    killing: float = 0.0
    # Of page queries: those that take so long that much is committed meanwhile.
    paging: float = 0.0
    # Of records: those that readers see late. Of messages between client and engine: those that are lost.
    lagging: float = 0.0
    losing: float = 0.0
    # Mean time between faults of a kind, for the whole cluster; 0 for never.
    crash_every_us: int = 0
    stop_every_us: int = 0
    leave_every_us: int = 0
    clock_jump_every_us: int = 0
    stream_break_every_us: int = 0
    action_crash_every_us: int = 0
    skew_us_max: int = 0
    # Of batches: those after which the clock of their engine is set back.
    setting_back: float = 0.0
    is_calm: bool = False
    counts: dict[str, int] = field(default_factory=dict)

    def heal(self) -> None:
        """From now on nothing goes wrong."""
        self.is_calm = True

    def count(self, fault: str) -> None:
        """A fault has come."""
        self.counts[fault] = self.counts.get(fault, 0) + 1

    def happens(self, probability: float) -> bool:
        """Whether something of this probability comes to pass now."""
        return not self.is_calm and probability > 0 and self.random.random() < probability

    def fate(self, name: str) -> Fate | None:
        """What becomes of a request to the store or the log; None: served at once."""
        if self.is_calm:
            return None
        random = self.random.random
        if self.paging and name.startswith("page_") and random() < self.paging:
            self.count("slow page")
            whole_us = int(random() * 1500 * MILLI)
            return Fate(int(random() * whole_us), whole_us)
        luck = random()
        if luck < (self.failing * 8 if name in _READ_WHILE_DECIDING else self.failing):
            return self._failure(name)
        if luck < self.failing + self.killing and name in _FATAL:
            self.count("killed in a write")
            fate = Fate(self._latency(), kills_before=random() < 0.5)
            fate.kills_after = not fate.kills_before
            return fate
        if luck < self.failing + self.killing + self.slow:
            self.count("slow request")
            return self._slow()
        if luck < self.failing + self.killing + self.slow + self.waiting:
            return self._ordinary()
        return None

    def _ordinary(self) -> Fate:
        """The answer is of the beginning, of the end, or of the middle of the wait for it."""
        latency_us = self._latency()
        match int(self.random.random() * 3):
            case 0:
                return Fate(0, latency_us)
            case 1:
                return Fate(latency_us, latency_us)
            case _:
                return Fate(latency_us // 2, latency_us)

    def _slow(self) -> Fate:
        whole_us = int(self.random.random() ** 2 * 6 * MICRO)
        return Fate(int(self.random.random() * whole_us), whole_us)

    def _failure(self, name: str) -> Fate:
        latency_us = self._latency()
        if name not in WRITES or self.random.random() < 0.4:
            self.count("failed request")
            return Fate(latency_us, latency_us, is_refused=True)
        self.count("unknown outcome")
        if self.random.random() < 0.5:
            return Fate(latency_us, 2 * latency_us, is_unanswered=True)
        later_us = latency_us + int(self.random.random() ** 3 * 8 * MICRO)
        return Fate(later_us, latency_us, is_unanswered=True)

    def _latency(self) -> int:
        return int((self.random.random() ** 4) * 40 * MILLI) + 200

    def message_us(self) -> int:
        """How long a message between two processes takes."""
        if self.is_calm or self.random.random() < 0.7:
            return MILLI
        return int(self.random.random() ** 3 * 300 * MILLI) + MILLI

    def lag_us(self) -> int:
        """How late a reader of the log sees what was appended."""
        if not self.happens(self.lagging):
            return 0
        self.count("late record")
        return int(self.random.random() ** 2 * 400 * MILLI)

    def next_us(self, every_us: int) -> int:
        """When the next fault of a kind comes."""
        return int(self.random.expovariate(1 / every_us)) + MILLI


def draw(random: Random) -> Weather:
    """The weather of a seed."""

    def rate(*rates: float) -> float:
        return random.choice((*_NEVER, *rates))

    def every(*seconds: int) -> int:
        return random.choice((0, 0, *seconds)) * MICRO

    return Weather(
        random=Random(random.random()),
        waiting=random.choice((0.1, 0.3, 0.6)),
        slow=rate(0.001, 0.003, 0.01),
        failing=rate(0.002, 0.01, 0.03),
        killing=rate(0.002, 0.005, 0.02),
        paging=rate(0.3, 0.8),
        lagging=rate(0.05, 0.3),
        losing=rate(0.02, 0.1),
        crash_every_us=every(4, 8, 16),
        stop_every_us=every(6, 12),
        leave_every_us=every(8, 16),
        clock_jump_every_us=every(3, 9),
        stream_break_every_us=every(2, 5),
        action_crash_every_us=every(4, 9),
        setting_back=rate(0.05, 0.2),
        skew_us_max=random.choice((0, 200 * MILLI, 10 * MICRO)),
    )
