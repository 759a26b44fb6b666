"""Both ways of running give what jq gives, over generated programs and documents."""

import re

from hypothesis import HealthCheck, assume, given, settings

from tests.unit.expressions.programs import (
    Outcome,
    TooExpensiveError,
    documents,
    programs,
    run_jq,
    run_ours,
)
from tidemill.expressions import Budget
from tidemill.expressions.values import equals
from tidemill.json import Json

EXACT_DOUBLE_MAX = 2**53
# Paths through functions that jq defines by paths and we do not: listed in docs/expressions.md.
PATH_DIFFERENCES = re.compile(r"(index|indices|last)\(")
PATHS = re.compile(r"path\(|paths\(|del\(|pick\(|\|=|= \(|= 2")


def _is_wide(value: Json) -> bool:
    if isinstance(value, dict):
        return any(map(_is_wide, value.values()))
    if isinstance(value, list):
        return any(map(_is_wide, value))
    return isinstance(value, int | float) and abs(value) > EXACT_DOUBLE_MAX


def _same(one: Outcome, other: Outcome) -> bool:
    unlimited = Budget(10**9, 10**9)
    return (
        one.compiled == other.compiled
        and one.failed == other.failed
        and equals(one.outputs, other.outputs, unlimited)
    )


def _compare(source: str, document: Json) -> Outcome:
    expected = run_jq(source, document)
    assume(not _is_wide(expected.outputs))
    for closures in (True, False):
        try:
            found = run_ours(source, document, closures=closures)
        except TooExpensiveError:
            continue
        assert _same(found, expected), (source, document, closures, found, expected)
    return expected


@settings(max_examples=250, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(programs, documents)
def test_generated_programs_agree_with_jq(source: str, document: Json) -> None:
    assume(not (PATHS.search(source) and (PATH_DIFFERENCES.search(source) or "?" in source)))
    _compare(source, document)


def test_the_comparison_sees_a_difference() -> None:
    assert not _same(run_jq(".a", {"a": 1}), run_ours(".a + 1", {"a": 1}, closures=True))
    assert not _same(run_jq("error", None), run_ours(".", None, closures=True))
    assert not _same(run_jq("true", None), run_ours("1", None, closures=True))
