"""What a provider has done for its callers, counted by idempotency key and by what each effect was for."""

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from tidemill.json import Json

EVENT_ID: Final = "eventId"
TASK: Final = "task"


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """What an effect is for, as the body of the request says: never taken from the idempotency key.

    Two effects of one identity are one too many, however their keys differ.
    """

    event_id: str
    task: str


def identity_of(body: Json) -> Identity | None:
    """The identity that a request's body names; None when it names none."""
    if not isinstance(body, dict):
        return None
    event_id, task = body.get(EVENT_ID), body.get(TASK)
    if not (isinstance(event_id, str) and isinstance(task, str) and event_id and task):
        return None
    return Identity(event_id, task)


class Outcome(Enum):
    """How a request went."""

    SENT = "sent"
    REPEATED = "repeated"
    """Answered as the first request with its key was; nothing was done."""
    REFUSED = "refused"
    """Answered 503; nothing was done."""
    SLOW = "slow"
    SILENT = "silent"
    """Done, but not answered in time."""
    UNDELIVERABLE = "undeliverable"
    """Answered 422 for its address; nothing was done."""
    MALFORMED = "malformed"


@dataclass(slots=True)
class Effects:
    """The effects so far, and how the requests behind them went.

    `by_key` has an entry for each key under which something was done, the empty key for requests without one.
    """

    by_identity: Counter[Identity] = field(default_factory=Counter)
    by_key: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[Outcome] = field(default_factory=Counter)

    @property
    def made(self) -> int:
        """How many effects there were, doubled ones included."""
        return self.by_identity.total()

    def add(self, identity: Identity, key: str) -> None:
        """Count one effect."""
        self.by_identity[identity] += 1
        self.by_key[key] += 1

    def doubled(self) -> list[Identity]:
        """What was done more than once."""
        return sorted(identity for identity, count in self.by_identity.items() if count > 1)

    def lost(self, wanted: Iterable[Identity]) -> list[Identity]:
        """What was wanted and not done."""
        return sorted(set(wanted) - self.by_identity.keys())

    def unwanted(self, wanted: Iterable[Identity]) -> list[Identity]:
        """What was done and not wanted."""
        return sorted(self.by_identity.keys() - set(wanted))

    def copy(self) -> "Effects":
        """These effects as they stand."""
        return Effects(self.by_identity.copy(), self.by_key.copy(), self.outcomes.copy())


class Mood(Enum):
    """How a provider takes a request."""

    PROMPT = auto()
    """Does the work and answers."""
    REFUSING = auto()
    """Answers 503 and does nothing."""
    SLOW = auto()
    """Does the work and answers after a while."""
    SILENT = auto()
    """Does the work and lets the caller's time run out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Temper:
    """How often a provider is in which mood: rates are shares of one, drawn from the seed.

    A mood depends on the seed, the identity and the try alone, not on what else goes on. No identity meets
    more than `bad_tries_max` bad moods in a row. A provider that does not honour keys does its work again for
    each request: with it the engine's promise does not hold, and tests can see that they would notice.
    """

    seed: int = 1
    refusing_rate: float = 0.08
    slow_rate: float = 0.05
    silent_rate: float = 0.03
    slow_seconds: float = 0.4
    silent_seconds: float = 10.0
    bad_tries_max: int = 3
    honours_keys: bool = True

    def mood(self, identity: Identity, tries: int) -> Mood:
        """The mood for the request number `tries`, from 0, about the identity."""
        if tries >= self.bad_tries_max:
            return Mood.PROMPT
        drawn = random.Random(f"{self.seed} {identity.event_id} {identity.task} {tries}").random()
        for mood, rate in (
            (Mood.REFUSING, self.refusing_rate),
            (Mood.SLOW, self.slow_rate),
            (Mood.SILENT, self.silent_rate),
        ):
            if drawn < rate:
                return mood
            drawn -= rate
        return Mood.PROMPT
