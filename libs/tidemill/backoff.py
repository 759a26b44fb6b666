"""How long to wait before the next try: exponential, capped, with jitter drawn from a given source."""

import random
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays that grow by `factor` from `initial_us` up to `max_us`.

    `jitter` is the share of a delay that is drawn: 0 waits exactly, 1 waits anything up to the delay.
    """

    initial_us: int = 100_000
    max_us: int = 30_000_000
    factor: float = 2.0
    jitter: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.initial_us <= self.max_us:
            raise ValueError("initial_us must be positive and at most max_us")
        if self.factor < 1 or not 0 <= self.jitter <= 1:
            raise ValueError("factor must be at least 1, and jitter within 0 and 1")

    def delay_us(self, failures: int, source: random.Random) -> int:
        """The wait after `failures` tries have failed in a row (from 1), in microseconds."""
        exponent = min(max(failures, 1) - 1, _EXPONENT_MAX)
        delay = min(self.initial_us * self.factor**exponent, float(self.max_us))
        return int(delay * (1 - self.jitter * source.random()))


# Past this the cap has long been reached; without it the power would overflow after a day of failures.
_EXPONENT_MAX: Final = 64
