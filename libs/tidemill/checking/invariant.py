"""What is to be proved, one at a time: how often it held, where it did not, and what is not decided yet."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final, TypeAlias

VIOLATIONS_KEPT_MAX: Final = 20

Evidence: TypeAlias = "str | int | bool | list[str]"


class Verdict(StrEnum):
    """What the facts say about an invariant."""

    PROVED = "proved"
    OPEN = "open"
    """Nothing speaks against it, but something that it is about has not ended yet."""
    REFUTED = "refuted"
    UNREAD = "unread"
    """Its facts were not there to be read."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A place where an invariant does not hold: a sentence, and what it was read from."""

    invariant: str
    sentence: str
    evidence: dict[str, Evidence]


def _ignore(_: Violation) -> None:
    """Nobody asked."""


class Invariant:
    """Counts what was checked. `claim` says what holds, `source` where the rule comes from."""

    name: ClassVar[str]
    claim: ClassVar[str]
    source: ClassVar[str]

    def __init__(self) -> None:
        self.checked = 0
        self.open = 0
        self.is_read = True
        self.violated = 0
        self.violations: list[Violation] = []
        self.notes: Counter[str] = Counter()
        # Who wants to hear of each violation that is kept.
        self.hears: Callable[[Violation], None] = _ignore

    @property
    def verdict(self) -> Verdict:
        if self.violated:
            return Verdict.REFUTED
        if not self.is_read:
            return Verdict.UNREAD
        return Verdict.OPEN if self.open else Verdict.PROVED

    def refute(self, sentence: str, **evidence: Evidence) -> None:
        """It does not hold here; the first violations are kept, all are counted."""
        self.violated += 1
        if len(self.violations) < VIOLATIONS_KEPT_MAX:
            violation = Violation(self.name, sentence, evidence)
            self.violations.append(violation)
            self.hears(violation)

    def leave_open(self, what: str, count: int = 1) -> None:
        """Something has not ended yet, so that nothing can be said about it."""
        if count:
            self.open += count
            self.notes[what] += count

    def note(self, what: str) -> None:
        """Something that is as it should be, and that a reader should know the number of."""
        self.notes[what] += 1
