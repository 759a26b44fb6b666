"""What a check has found, for people and for machines."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tidemill.checking.invariant import Invariant, Verdict, Violation
from tidemill.json import Json


@dataclass(frozen=True, slots=True)
class Found:
    """One invariant's result."""

    name: str
    claim: str
    source: str
    verdict: Verdict
    checked: int
    open: int
    violated: int
    notes: dict[str, int]
    violations: Sequence[Violation]


@dataclass(frozen=True, slots=True)
class Report:
    """All results, the counts of what was read, and the first violation that was come upon."""

    read: Counter[str]
    found: Sequence[Found]
    first: Violation | None = None
    seconds: float = 0.0
    unread: Sequence[str] = field(default_factory=tuple)

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against any invariant."""
        return all(not found.violated for found in self.found)

    @property
    def violated(self) -> int:
        return sum(found.violated for found in self.found)

    def of(self, name: str) -> Found:
        """The result of one invariant."""
        return next(found for found in self.found if found.name == name)

    def to_json(self) -> dict[str, Json]:
        """As `check --json` prints it."""
        return {
            "holds": self.holds,
            "read": dict(self.read),
            "seconds": round(self.seconds, 3),
            "unread": list(self.unread),
            "invariants": [_invariant(found) for found in self.found],
            "first_violation": None if self.first is None else _violation(self.first),
        }


def found_by(invariant: Invariant) -> Found:
    """The result of an invariant as it stands."""
    return Found(
        invariant.name,
        invariant.claim,
        invariant.source,
        invariant.verdict,
        invariant.checked,
        invariant.open,
        invariant.violated,
        dict(invariant.notes),
        tuple(invariant.violations),
    )


def _invariant(found: Found) -> dict[str, Json]:
    return {
        "name": found.name,
        "claim": found.claim,
        "source": found.source,
        "verdict": str(found.verdict),
        "checked": found.checked,
        "open": found.open,
        "violated": found.violated,
        "notes": dict(found.notes),
        "violations": [_violation(violation) for violation in found.violations],
    }


def _violation(violation: Violation) -> dict[str, Json]:
    return {
        "invariant": violation.invariant,
        "sentence": violation.sentence,
        "evidence": {
            name: list(value) if isinstance(value, list) else value
            for name, value in violation.evidence.items()
        },
    }
