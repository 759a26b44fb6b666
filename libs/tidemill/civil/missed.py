"""What becomes of fire times that nobody was there for: the policy, and which of them start now."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from tidemill.civil.fire_times import FireTimes
from tidemill.civil.zones import MINUTE_US
from tidemill.json import Json

ALL_COUNT_MAX: Final = 1_000
# A fire time this late is still on time: the start of a process and a queue to catch up with are no outage.
LATE_US_MAX: Final = MINUTE_US


class MissedKind(Enum):
    """Which of several due fire times start an execution."""

    SKIP = "skip"
    ONE = "one"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class MissedFires:
    """The policy: `count_max` is the most that start at once."""

    kind: MissedKind = MissedKind.ONE
    count_max: int = 1


@dataclass(frozen=True, slots=True)
class DueFires:
    """The fire times to start now, in order; how many others there were; and the next one after now."""

    starts: tuple[int, ...]
    missed: int
    next_us: int | None


def parse_missed_fires(value: Json) -> MissedFires:
    """Read `skip`, `one` or `{"all": N}`; nothing means `one`. Raises ValueError with a plain sentence."""
    match value:
        case None | "one":
            return MissedFires()
        case "skip":
            return MissedFires(MissedKind.SKIP)
        case {"all": int(count_max), **others} if not others and not isinstance(count_max, bool):
            if not 1 <= count_max <= ALL_COUNT_MAX:
                raise ValueError(f"`all` goes from 1 to {ALL_COUNT_MAX:,} missed fire times")
            return MissedFires(MissedKind.ALL, count_max)
        case _:
            raise ValueError(
                "missed fire times take `skip`, `one` or `{ all: 10 }`, with a number of your own"
            )


def due_fires(
    times: FireTimes, due_us: int, now_us: int, policy: MissedFires, *, late_us_max: int = LATE_US_MAX
) -> DueFires:
    """What the fire times from `due_us` to `now_us`, both included, come to under a policy.

    The newest of them is on time when it is at most `late_us_max` late; it alone can be. `skip` starts it
    only then, `one` in any case, `all` with as many of the others as the policy allows, the newest ones. The
    work is bounded by `count_max` and by what `FireTimes.count` costs, not by how many were missed.
    """
    newest_us = times.before(now_us + 1)
    late = newest_us is not None and now_us - newest_us > late_us_max
    wanted = 0 if late and policy.kind is MissedKind.SKIP else policy.count_max
    starts = _newest(times, due_us, now_us, wanted)
    missed = times.count(due_us, now_us) - len(starts)
    return DueFires(starts, missed, times.after(now_us))


def _newest(times: FireTimes, due_us: int, now_us: int, wanted: int) -> tuple[int, ...]:
    found: list[int] = []
    fire_us = times.before(now_us + 1)
    while fire_us is not None and fire_us >= due_us and len(found) < wanted:
        found.append(fire_us)
        fire_us = times.before(fire_us)
    return tuple(reversed(found))
