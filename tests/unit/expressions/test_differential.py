"""Both ways of running give what jq gives, over samples of everything and over generated programs."""

import re
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.unit.expressions.programs import (
    Outcome,
    TooExpensiveError,
    documents,
    programs,
    run_jq,
    run_ours,
)
from tests.unit.expressions.samples import (
    MORE_THAN_JQ,
    OWN_ANSWERS,
    SAMPLES,
    calls,
    nodes,
    uses_more_than_jq,
)
from tidemill.expressions import Budget, syntax
from tidemill.expressions.compiler import builtin_names
from tidemill.expressions.expression import Expression
from tidemill.expressions.parser import parse
from tidemill.expressions.values import equals
from tidemill.json import Json

EXACT_DOUBLE_MAX = 2**53
EXAMPLES = 800
# Shares of the examples: what keeps the comparison from being one of errors with errors.
VALUED_SHARE_MIN = 0.5
CLOSED_SHARE_MIN = 0.5
EXPENSIVE_SHARE_MAX = 0.02
# Paths through functions that jq defines by paths and we do not, or that pass a number or string on as it was
# (docs/expressions.md).
PATH_DIFFERENCES = re.compile(
    r"(index|indices|last|str)\(|tonumber|tostring|abs|floor|downcase|trim|min|max|@text"
)
PATHS = re.compile(r"path\(|paths\(|del\(|pick\(|\|=|= \(|= 2")


@dataclass(slots=True)
class Tally:
    """How many comparisons there were, and of what."""

    examples: int = 0
    valued: int = 0
    expensive: int = 0
    closed: int = 0


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


def _compare(source: str, document: Json, tally: Tally, *, fruitless: bool) -> Outcome:
    """Compare one program; those without an output are passed over, but for the `fruitless`."""
    expected = run_jq(source, document)
    assume(not _is_wide(expected.outputs))
    assume(fruitless or expected.outputs)
    tally.examples += 1
    try:
        for closures in (True, False):
            found = run_ours(source, document, closures=closures)
            assert _same(found, expected), (source, document, closures, found, expected)
    except TooExpensiveError:
        tally.expensive += 1
        return expected
    tally.valued += bool(expected.outputs)
    tally.closed += expected.compiled and _is_closed(source)
    return expected


def _is_closed(source: str) -> bool:
    """True when closures do all of a program, and the machine nothing."""
    return Expression(source, frozenset("xy"))._step is None


@pytest.mark.parametrize(("source", "document"), SAMPLES)
def test_a_sample_gives_what_jq_gives(source: str, document: Json) -> None:
    if uses_more_than_jq(source):
        assert run_ours(source, document, closures=True).outputs
        return
    expected = run_jq(source, document)
    assert expected.outputs or expected == Outcome([], failed=False)
    for closures in (True, False):
        assert run_ours(source, document, closures=closures) == expected


def test_the_samples_call_every_builtin_of_jq_and_use_every_construct() -> None:
    compared = [source for source, _ in SAMPLES if not uses_more_than_jq(source)]
    called = set().union(*map(calls, compared))
    assert set(builtin_names()) - called - MORE_THAN_JQ - OWN_ANSWERS == set()
    used = {type(node) for source in compared for node in nodes(parse(source))}
    assert used == set(syntax.Node.__args__)


def test_generated_programs_agree_with_jq() -> None:
    tally = Tally()

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(programs, documents, st.integers(0, 3))
    def compare(source: str, document: Json, turn: int) -> None:
        assume(not (PATHS.search(source) and (PATH_DIFFERENCES.search(source) or "?" in source)))
        _compare(source, document, tally, fruitless=turn == 0)

    compare()
    assert tally.examples >= EXAMPLES
    assert tally.valued >= VALUED_SHARE_MIN * tally.examples, tally
    assert tally.closed >= CLOSED_SHARE_MIN * tally.examples, tally
    assert tally.expensive <= EXPENSIVE_SHARE_MAX * tally.examples, tally


JSON_PIECES = st.sampled_from(
    [
        *("{", "}", "[", "]", ":", ",", " ", "\n", "true", "tru", "null", "nul", "é", "\ufeff", "'a'"),
        *("1", "-2.5", "01", "+1", ".5", "5.", "1e3", '"a"', '"b\\n"', '"\\u00e9"', '"\\ud83d\\ude00"'),
        *('"\\ud800"', '"\\udc00x"', '"\\x"', '"\\u12"', '"\\uzzzz"', '"é\n"', '"open', '"escaped\\'),
    ]
)


@settings(max_examples=1_000, deadline=None, derandomize=True)
@given(st.lists(JSON_PIECES, max_size=7))
def test_json_texts_are_read_and_refused_in_jqs_words(pieces: list[str]) -> None:
    text = "".join(pieces)
    source = "try [fromjson] catch ."
    assert run_ours(source, text, closures=True) == run_jq(source, text)


def test_the_comparison_sees_a_difference() -> None:
    assert not _same(run_jq(".a", {"a": 1}), run_ours(".a + 1", {"a": 1}, closures=True))
    assert not _same(run_jq("error", None), run_ours(".", None, closures=True))
    assert not _same(run_jq("true", None), run_ours("1", None, closures=True))
