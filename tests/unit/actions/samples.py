"""Calls, claims and rows for the tests of the Action service."""

from dataclasses import replace

from tidemill.action_kit import EffectClass
from tidemill.actions.core.decision import Claim, Row
from tidemill.actions.core.model import ActionState, Call, Outcome
from tidemill.actions.core.problems import failed, runtime_problem

NOW_US = 1_700_000_000_000_000
DIGEST = b"the request digest"
OTHER_DIGEST = b"another digest"
SUCCESS = Outcome(ActionState.SUCCEEDED, b'{"sent":1}')
FAILURE = failed(runtime_problem("no"))
NOOP = "tidemill.noop:1.0.0"


def call(key: str = "k", attempt: int = 1, **changes: object) -> Call:
    """A call of the no-op function."""
    made = Call(key, attempt, "shop", "e", "/do/0/a", NOOP, b"{}", 0, 1, 0, 0, "")
    return replace(made, **changes)  # type: ignore[arg-type]


def claim(key: str = "k", attempt: int = 1, token: int = 1, **changes: object) -> Claim:
    """A claim of class `once` whose lease lasts a minute."""
    made = Claim(key, attempt, DIGEST, EffectClass.ONCE, token, NOW_US + 60_000_000)
    return replace(made, **changes)  # type: ignore[arg-type]


def row(
    attempt: int = 1, outcome: Outcome | None = None, *, live: bool = True, digest: bytes = DIGEST
) -> Row:
    """A row; without an outcome its lease is live or has run out."""
    return Row(attempt, attempt, digest, 7, NOW_US + (1 if live else 0), outcome)
