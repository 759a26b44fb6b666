"""What is done with a call, given its key's rows: every cell of the table, and every way to stand in it."""

from collections.abc import Sequence
from itertools import product

import pytest

from tests.unit.actions.samples import FAILURE, NOW_US, OTHER_DIGEST, SUCCESS, claim, row
from tidemill.action_kit import EffectClass
from tidemill.actions.core.decision import TABLE, Row, Standing, Verdict, classify, decide
from tidemill.actions.core.model import CANCELLED
from tidemill.actions.core.problems import LOST

# The rows of a key, and where attempt 2 stands with them.
CASES: dict[str, tuple[Sequence[Row], Standing, int]] = {
    "no rows": ([], Standing.FREE, 0),
    "its own success": ([row(2, SUCCESS)], Standing.ANSWERED, 2),
    "its own failure": ([row(2, FAILURE)], Standing.ANSWERED, 2),
    "its own cancellation": ([row(2, CANCELLED)], Standing.ANSWERED, 2),
    "its own outcome beside an earlier success": ([row(1, SUCCESS), row(2, FAILURE)], Standing.ANSWERED, 2),
    "its own outcome for another request": ([row(2, SUCCESS, digest=OTHER_DIGEST)], Standing.ANSWERED, 2),
    "an earlier success": ([row(1, SUCCESS)], Standing.SUCCEEDED, 1),
    "a later success": ([row(3, SUCCESS)], Standing.SUCCEEDED, 3),
    "an earlier success of another request": ([row(1, SUCCESS, digest=OTHER_DIGEST)], Standing.FREE, 0),
    "a later failure": ([row(3, FAILURE)], Standing.SUPERSEDED, 3),
    "a later claim": ([row(3)], Standing.SUPERSEDED, 3),
    "its own live lease": ([row(2)], Standing.HELD, 2),
    "a live lease of an earlier attempt": ([row(1)], Standing.HELD, 1),
    "a live lease beside its own lost one": ([row(1), row(2, live=False)], Standing.HELD, 1),
    "an earlier doubt": ([row(1, LOST)], Standing.DOUBTFUL, 1),
    "an earlier doubt of another request": ([row(1, LOST, digest=OTHER_DIGEST)], Standing.FREE, 0),
    "its own lost lease": ([row(2, live=False)], Standing.LOST, 2),
    "its own lost lease after a failure": ([row(1, FAILURE), row(2, live=False)], Standing.LOST, 2),
    "an earlier lost lease": ([row(1, live=False)], Standing.LOST_EARLIER, 1),
    "an earlier lost lease of another request": (
        [row(1, live=False, digest=OTHER_DIGEST)], Standing.FREE, 0,
    ),
    "an earlier failure": ([row(1, FAILURE)], Standing.FREE, 0),
    "an earlier cancellation": ([row(1, CANCELLED)], Standing.FREE, 0),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_claim_stands_where_its_rows_put_it(case: str) -> None:
    rows, standing, attempt = CASES[case]
    found, about = classify(claim(attempt=2), rows, NOW_US)
    assert found is standing
    assert (about.attempt if about else 0) == attempt


def test_every_standing_is_reached_by_a_case() -> None:
    assert {standing for _, standing, _ in CASES.values()} == set(Standing)


def test_the_table_is_whole() -> None:
    assert set(TABLE) == set(product(EffectClass, Standing))


def test_every_verdict_is_reached() -> None:
    assert set(TABLE.values()) == set(Verdict)


@pytest.mark.parametrize("effect_class", EffectClass)
@pytest.mark.parametrize("case", CASES)
def test_a_verdict_about_a_row_names_one_that_fits(case: str, effect_class: EffectClass) -> None:
    rows, _, _ = CASES[case]
    ruling = decide(claim(attempt=2, effect_class=effect_class), rows, NOW_US)
    match ruling.verdict:
        case Verdict.ANSWER:
            assert ruling.outcome is not None
        case Verdict.JOIN:
            assert ruling.subject.outcome is None
            assert ruling.subject.lease_until_us > NOW_US
        case Verdict.TAKE_OVER | Verdict.GIVE_UP:
            assert ruling.subject.outcome is None
            assert ruling.subject.lease_until_us <= NOW_US
        case Verdict.RUN | Verdict.RUN_UNCLAIMED | Verdict.REFUSE:
            pass


def verdict_of(effect_class: EffectClass, *rows: Row, attempt: int = 1) -> Verdict:
    return decide(claim(attempt=attempt, effect_class=effect_class), rows, NOW_US).verdict


def test_a_lost_call_of_class_once_runs_again_under_its_key() -> None:
    assert verdict_of(EffectClass.ONCE, row(1, live=False)) is Verdict.TAKE_OVER


def test_a_lost_at_most_once_call_is_given_up_whichever_attempt_asks() -> None:
    assert verdict_of(EffectClass.AT_MOST_ONCE, row(1, live=False)) is Verdict.GIVE_UP
    assert verdict_of(EffectClass.AT_MOST_ONCE, row(1, live=False), attempt=2) is Verdict.GIVE_UP


def test_a_doubt_is_final_for_the_key_of_an_at_most_once_call() -> None:
    assert verdict_of(EffectClass.AT_MOST_ONCE, row(1, LOST), attempt=2) is Verdict.ANSWER


def test_a_failure_is_final_for_its_attempt_only() -> None:
    for effect_class in (EffectClass.ONCE, EffectClass.AT_MOST_ONCE):
        assert verdict_of(effect_class, row(1, FAILURE)) is Verdict.ANSWER
        assert verdict_of(effect_class, row(1, FAILURE), attempt=2) is Verdict.RUN


def test_a_pure_call_never_asks_the_ledger() -> None:
    for rows, _, _ in CASES.values():
        assert verdict_of(EffectClass.PURE, *rows, attempt=2) is Verdict.RUN_UNCLAIMED


def test_a_ruling_without_a_row_has_no_subject() -> None:
    with pytest.raises(AssertionError, match="about no row"):
        _ = decide(claim(), [], NOW_US).subject
