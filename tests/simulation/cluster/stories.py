"""What clients want of the cluster, by seed: starts, events, and an operator's doings, each at its time."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from tests.simulation.cluster.documents import POISON_NAMES, RACING_NAMES, STEADY_NAMES, shelf
from tests.simulation.cluster.loop import MICRO
from tidemill.json import Json

SUBJECTS: Final = ("", "", "ann", "bob", "cy")
# In so many stories of a hundred one subject has a crowd of starts at once, which others overtake.
CROWDED_PERCENT: Final = 15
OPERATIONS: Final = ("cancel", "suspend", "suspend", "retry", "resume")
# Of so many stories of the steady kind each is played in calm weather once, to know how it ends.
STEADY_STORIES: Final = 40


@dataclass(frozen=True, slots=True)
class Start:
    """Someone starts an execution."""

    at_us: int
    workflow: str
    subject: str
    given: Json
    number: int


@dataclass(frozen=True, slots=True)
class Event:
    """Something happens outside; producers may tell of it more than once."""

    at_us: int
    type: str
    subject: str
    data: Json
    number: int
    times: int = 1


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator does something to the execution of the start of this number."""

    at_us: int
    kind: str
    start: int


@dataclass(frozen=True, slots=True)
class Story:
    """All that is asked for. A steady one ends in the same way in every weather."""

    name: str
    starts: tuple[Start, ...]
    events: tuple[Event, ...]
    operations: tuple[Operation, ...]
    lasts_us: int
    is_steady: bool
    # Something is started by a schedule as well.
    has_schedule: bool = False


def draw_story(seed: int) -> Story:
    """The story of a seed: every third is a steady one."""
    if seed % 3 == 0:
        return steady_story(steady_number(seed))
    return _wild_story(seed)


def steady_number(seed: int) -> int:
    """Which of the steady stories a seed plays."""
    return seed // 3 % STEADY_STORIES


def steady_story(number: int) -> Story:
    """Nothing races, and nobody interferes."""
    random = Random(1_000_003 + number)
    lasts_us = random.choice((3, 6, 10)) * MICRO
    names = [random.choice(STEADY_NAMES) for _ in range(random.randint(2, 7))]
    starts = tuple(
        Start(
            _at(random, lasts_us), name, "ann" if name == "waiter" else random.choice(SUBJECTS), {"n": 1}, n
        )
        for n, name in enumerate(names)
    )
    events = tuple(
        Event(lasts_us, kind, "ann", {"n": number}, number, random.choice((1, 2)))
        for number, kind in enumerate(("a", "b"))
    )
    return Story(f"steady-{number}", starts, events, (), lasts_us, is_steady=True)


def _wild_story(seed: int) -> Story:
    random = Random(seed)
    lasts_us = random.choice((2, 5, 9)) * MICRO
    names = [*STEADY_NAMES, *RACING_NAMES, *random.sample(shelf().random_names, 6)]
    luck = random.random()
    if luck < 0.15:
        names = [*POISON_NAMES, *["refused"] * 4, "chain"]
    elif luck < 0.4:
        names += POISON_NAMES
    starts = tuple(
        Start(_at(random, lasts_us), random.choice(names), random.choice(SUBJECTS), {"n": number % 4}, number)
        for number in range(random.randint(2, 8))
    )
    if random.randrange(100) < CROWDED_PERCENT:
        starts += _crowd(random, lasts_us, names, len(starts))
    events = tuple(
        Event(
            _at(random, lasts_us),
            random.choice(("a", "b", "c")),
            random.choice(SUBJECTS),
            {"n": number % 3},
            number,
            random.choice((1, 1, 1, 2)),
        )
        for number in range(random.randint(0, 8))
    )
    operations = tuple(
        Operation(_at(random, lasts_us) + MICRO, random.choice(OPERATIONS), random.randrange(len(starts)))
        for _ in range(random.choice((0, 0, 1, 3)))
    )
    has_schedule = random.random() < 0.08
    return Story(f"wild-{seed}", starts, events, operations, lasts_us, False, has_schedule)


def _crowd(random: Random, lasts_us: int, names: Sequence[str], first: int) -> tuple[Start, ...]:
    """Starts that come all at once: most for one subject, and some for whoever. Those of a kind that asks
    something of other lanes have many messages wait in one shard's log."""
    at_us = _at(random, lasts_us)
    names = random.choice((names, ("hearer",), ("family",)))
    subjects = ["ann"] * random.randint(6, 14) + [random.choice(SUBJECTS) for _ in range(6)]
    return tuple(
        Start(at_us, random.choice(names), subject, {"n": number % 4}, number)
        for number, subject in enumerate(subjects, first)
    )


def _at(random: Random, lasts_us: int) -> int:
    return int(random.random() * lasts_us)
