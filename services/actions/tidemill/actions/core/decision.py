"""What to do with a call, given what the ledger holds for its key: one classification and one table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

from tidemill.action_kit import EffectClass
from tidemill.actions.core.model import ActionState, Outcome


# Claims and rulings are not frozen: there is one for every call, and freezing doubles what that costs.
@dataclass(slots=True)
class Claim:
    """The wish to run one attempt.

    `digest` tells one request from another under the same key. Whoever holds the row's `token` may write its
    outcome; others leave it alone until `lease_until_us`.
    """

    key: str
    attempt: int
    digest: bytes
    effect_class: EffectClass
    token: int
    lease_until_us: int
    # The lease of the replica that claims; 0 where a process is alone.
    holder: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """What the ledger holds for one (key, attempt); without an outcome it is a claim under way or lost.

    `holder_lives` tells whether the process that claimed it, under the lease `holder`, is still there.
    """

    number: int
    attempt: int
    digest: bytes
    token: int
    lease_until_us: int
    outcome: Outcome | None
    holder_lives: bool = True
    holder: int = 0

    def is_held(self, now_us: int) -> bool:
        """Whether somebody runs it: a living holder within the claim's own lease."""
        return self.outcome is None and self.holder_lives and self.lease_until_us > now_us


class Standing(Enum):
    """Where a claim stands with its key's rows; the first that applies, in this order."""

    ANSWERED = auto()
    """This attempt has an outcome, which is final for it."""
    SUCCEEDED = auto()
    """Another attempt of the same request succeeded, which is final for the key."""
    SUPERSEDED = auto()
    """A later attempt was made: this one comes from the past."""
    HELD = auto()
    """Somebody holds a live lease on the key."""
    DOUBTFUL = auto()
    """An earlier attempt of the same request ended as unknown."""
    LOST = auto()
    """The lease of this attempt, or the life of its holder, ended without an outcome."""
    LOST_EARLIER = auto()
    """So did that of an earlier attempt of the same request."""
    FREE = auto()
    """Nothing speaks against running it."""


class Verdict(Enum):
    """What is done with a claim."""

    RUN = auto()
    """Insert a row with the claim's lease and run."""
    RUN_UNCLAIMED = auto()
    """Run without a row."""
    TAKE_OVER = auto()
    """Put the claim's token in the lost row, by compare-and-set, and run again under the same key."""
    ANSWER = auto()
    """Answer with the outcome that the row holds."""
    JOIN = auto()
    """Wait for whoever holds the lease."""
    REFUSE = auto()
    """Do nothing: the call is out of date."""
    GIVE_UP = auto()
    """Write `unknown` in the lost row, by compare-and-set, and answer with it."""


# Another digest under a later attempt is another request: the author has changed what is asked for, so that
# neither an earlier success nor an earlier doubt speaks for it.
TABLE: Final[Mapping[tuple[EffectClass, Standing], Verdict]] = MappingProxyType(
    {
        # A pure call leaves no rows; what another class left under its key does not matter to it.
        **{(EffectClass.PURE, standing): Verdict.RUN_UNCLAIMED for standing in Standing},
        (EffectClass.IDEMPOTENT, Standing.ANSWERED): Verdict.ANSWER,
        (EffectClass.IDEMPOTENT, Standing.SUCCEEDED): Verdict.ANSWER,
        (EffectClass.IDEMPOTENT, Standing.SUPERSEDED): Verdict.REFUSE,
        # Rows under way exist here only when the action had another class before.
        (EffectClass.IDEMPOTENT, Standing.HELD): Verdict.JOIN,
        (EffectClass.IDEMPOTENT, Standing.DOUBTFUL): Verdict.RUN_UNCLAIMED,
        (EffectClass.IDEMPOTENT, Standing.LOST): Verdict.TAKE_OVER,
        (EffectClass.IDEMPOTENT, Standing.LOST_EARLIER): Verdict.RUN_UNCLAIMED,
        (EffectClass.IDEMPOTENT, Standing.FREE): Verdict.RUN_UNCLAIMED,
        (EffectClass.ONCE, Standing.ANSWERED): Verdict.ANSWER,
        (EffectClass.ONCE, Standing.SUCCEEDED): Verdict.ANSWER,
        (EffectClass.ONCE, Standing.SUPERSEDED): Verdict.REFUSE,
        (EffectClass.ONCE, Standing.HELD): Verdict.JOIN,
        (EffectClass.ONCE, Standing.DOUBTFUL): Verdict.RUN,
        (EffectClass.ONCE, Standing.LOST): Verdict.TAKE_OVER,
        (EffectClass.ONCE, Standing.LOST_EARLIER): Verdict.RUN,
        (EffectClass.ONCE, Standing.FREE): Verdict.RUN,
        (EffectClass.AT_MOST_ONCE, Standing.ANSWERED): Verdict.ANSWER,
        (EffectClass.AT_MOST_ONCE, Standing.SUCCEEDED): Verdict.ANSWER,
        (EffectClass.AT_MOST_ONCE, Standing.SUPERSEDED): Verdict.REFUSE,
        (EffectClass.AT_MOST_ONCE, Standing.HELD): Verdict.JOIN,
        # A retry policy must not turn one doubtful effect into two: doubt is final for its key.
        (EffectClass.AT_MOST_ONCE, Standing.DOUBTFUL): Verdict.ANSWER,
        (EffectClass.AT_MOST_ONCE, Standing.LOST): Verdict.GIVE_UP,
        (EffectClass.AT_MOST_ONCE, Standing.LOST_EARLIER): Verdict.GIVE_UP,
        (EffectClass.AT_MOST_ONCE, Standing.FREE): Verdict.RUN,
    }
)


@dataclass(slots=True)
class Ruling:
    """The verdict, and the row that it is about where there is one."""

    verdict: Verdict
    row: Row | None = None

    @property
    def subject(self) -> Row:
        """The row, for the verdicts that are about one."""
        assert self.row is not None, f"{self.verdict} is about no row"
        return self.row

    @property
    def outcome(self) -> Outcome:
        """The outcome that the row holds, for ANSWER."""
        outcome = self.subject.outcome
        assert outcome is not None, "only rows with an outcome are answered from"
        return outcome


def decide(claim: Claim, rows: Sequence[Row], now_us: int) -> Ruling:
    """Rule on a claim, given all rows of its key."""
    standing, row = classify(claim, rows, now_us)
    return Ruling(TABLE[claim.effect_class, standing], row)


def classify(claim: Claim, rows: Sequence[Row], now_us: int) -> tuple[Standing, Row | None]:
    """Find where a claim stands, and the row that makes it so."""
    if not rows:
        return Standing.FREE, None
    own = _first(row for row in rows if row.attempt == claim.attempt)
    if own is not None and own.outcome is not None:
        return Standing.ANSWERED, own
    return _classify_by_others(claim, own, rows, now_us)


def _classify_by_others(
    claim: Claim, own: Row | None, rows: Sequence[Row], now_us: int
) -> tuple[Standing, Row | None]:
    held = (row for row in rows if row.is_held(now_us) and not _is_own(row, claim))
    candidates = (
        (Standing.SUCCEEDED, _with_outcome(rows, claim.digest, ActionState.SUCCEEDED)),
        (Standing.SUPERSEDED, _first(row for row in rows if row.attempt > claim.attempt)),
        (Standing.HELD, _first(held)),
        (Standing.DOUBTFUL, _with_outcome(rows, claim.digest, ActionState.UNKNOWN)),
        (Standing.LOST, own),
        (
            Standing.LOST_EARLIER,
            _first(row for row in rows if row.outcome is None and row.digest == claim.digest),
        ),
    )
    for standing, row in candidates:
        if row is not None:
            return standing, row
    return Standing.FREE, None


def _is_own(row: Row, claim: Claim) -> bool:
    """Whether the replica that claims has claimed the row itself, and never heard of it: a lost commit.

    It would not claim a key that it runs. Who is alone has no lease to tell it by, and waits.
    """
    return 0 < claim.holder == row.holder


def _with_outcome(rows: Sequence[Row], digest: bytes, state: ActionState) -> Row | None:
    return _first(
        row for row in rows if row.outcome is not None and row.outcome.state is state and row.digest == digest
    )


def _first(rows: Iterable[Row]) -> Row | None:
    return next(iter(rows), None)
