"""jq's own test programs give jq's outputs, but for those that are listed with a reason."""

from collections import Counter
from pathlib import Path

import pytest

from tests.unit.expressions.jq_suite import Case, suite_cases
from tests.unit.expressions.programs import jq
from tidemill.expressions import Budget, ExpressionError, ExpressionSyntaxError
from tidemill.expressions.budget import OPERATIONS_MAX
from tidemill.expressions.expression import Expression
from tidemill.expressions.jsontext import from_json
from tidemill.expressions.values import equals
from tidemill.json import Json

SHARE_MIN = 0.95
PROGRAMS_MIN = 800
FILES = {"jq.test", "man.test", "onig.test", "manonig.test", "base64.test", "uri.test", "optional.test"}
# The machine alone is charged for each step, and so needs this many times the budget for the same program.
MACHINE_FACTOR = 10

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "expressions.md"
# Programs that differ, under the reason why: lines that start with `#` are reasons.
LINES = (Path(__file__).parent / "jq_differences.txt").read_text().splitlines()
LISTED = Counter(line for line in LINES if line and not line.startswith("#"))

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return [case for case in suite_cases() if not _is_refused(case)]


def _is_refused(case: Case) -> bool:
    try:
        Expression(case.program, frozenset())
    except ExpressionSyntaxError as error:
        return "is refused" in error.message
    return False


def _agrees(case: Case, *, closures: bool, budget: Budget) -> bool:
    try:
        expression = Expression(case.program, frozenset(), closures=closures)
    except ExpressionSyntaxError:
        return case.input is None
    if case.input is None:
        return False
    found: list[Json] = []
    failed = False
    try:
        # Output by output, so that those before an error are kept.
        for output in expression.outputs(_json(case.input), budget=budget):
            found.append(output)
    except ExpressionError:
        failed = True
    return _same(found, case) and failed is _fails_in_jq(case)


def _same(found: list[Json], case: Case) -> bool:
    try:
        expected = [_json(line) for line in case.outputs]
    except ExpressionError:
        return False
    return equals(found, expected, Budget(10**9, 10**9))


def _json(text: str) -> Json:
    """Raises ExpressionError for NaN, infinities, and integers that no payload may hold."""
    return from_json(text, Budget(10**9, 10**9))


def _fails_in_jq(case: Case) -> bool:
    """The suite does not say whether a program ends with an error; jq does."""
    try:
        jq.compile(case.program).input_text(case.input).all()
    except ValueError:
        return True
    return False


def test_the_whole_suite_is_there(cases: list[Case]) -> None:
    assert len(cases) >= PROGRAMS_MIN
    assert {case.file for case in cases} == FILES


def test_jqs_own_programs_give_jqs_outputs(cases: list[Case]) -> None:
    differing = [case for case in cases if not _agrees(case, closures=True, budget=Budget())]
    assert 1 - len(differing) / len(cases) >= SHARE_MIN, differing
    unlisted = [case for case in differing if case.program not in LISTED]
    assert not unlisted
    agreeing = LISTED.keys() - {case.program for case in differing}
    assert not agreeing


def test_the_documentation_says_how_many_do(cases: list[Case]) -> None:
    agreeing = len(cases) - len(LISTED)
    text = " ".join(DOCUMENTATION.read_text().split())
    share = f"{100 * agreeing / len(cases):.1f} %"
    assert f"of the {len(cases)} that use no refused builtin, {agreeing} ({share}) give jq's outputs" in text


def test_the_machine_alone_gives_them_too(cases: list[Case]) -> None:
    budgets = [Budget(MACHINE_FACTOR * OPERATIONS_MAX) for _ in cases]
    differing = [
        case.program
        for case, budget in zip(cases, budgets, strict=True)
        if case.program not in LISTED and not _agrees(case, closures=False, budget=budget)
    ]
    assert not differing


def test_each_program_is_listed_once() -> None:
    assert LISTED
    assert max(LISTED.values()) == 1
