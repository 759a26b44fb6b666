"""jq's own tests, when a path to one of its test files is given; its format is three or more lines a case."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidemill.expressions import Budget, ExpressionError, ExpressionSyntaxError
from tidemill.expressions.expression import Expression
from tidemill.expressions.values import equals
from tidemill.json import Json

TESTS_VARIABLE = "TIDEMILL_JQ_TESTS"
PASS_SHARE_MIN = 0.95

# Cases about what we refuse, or differ in on purpose (docs/expressions.md): not counted.
REFUSED = re.compile(
    r"\b(import|include|env|inputs?|debug|stderr|halt|halt_error|input_filename|input_line_number|modulemeta)\b"
    r"|__loc__|\$ENV|\$__prog_args|get_search_list|get_jq_origin|_strindices"
)
DIFFERENT = re.compile(
    r"\b(nan|NaN|Infinity|infinite|isnan|have_decnum)\b|range\(\d{4,}\)|[eE][+]?\d{3}|\d{16,}|1000000000"
)


def _cases(path: Path) -> Iterator[list[str]]:
    block: list[str] = []
    for line in [*path.read_text().splitlines(), ""]:
        if line.lstrip().startswith("#"):
            continue
        if line.strip():
            block.append(line)
        elif block:
            yield block
            block = []


def _passes(case: list[str], *, closures: bool) -> bool:
    try:
        if case[0].startswith("%%FAIL"):
            return not _compiles(case[1], closures=closures)
        expression = Expression(case[0], frozenset(), closures=closures)
    except ExpressionSyntaxError:
        return False
    expected: list[Json] = [json.loads(line) for line in case[2:]]
    found: list[Json] = []
    try:
        found.extend(expression.outputs(json.loads(case[1].lstrip("\ufeff")), now_us=1_700_000_000_000_000))
    except ExpressionError:
        # Some cases list the outputs before an error, and we have no more of them than jq.
        found = found if len(found) >= len(expected) else _outputs_before_error(case, closures=closures)
    return equals(found, expected, Budget(10**9, 10**9))


def _compiles(source: str, *, closures: bool) -> bool:
    try:
        Expression(source, frozenset(), closures=closures)
    except ExpressionSyntaxError:
        return False
    return True


def _outputs_before_error(case: list[str], *, closures: bool) -> list[Json]:
    found: list[Json] = []
    try:
        for output in Expression(case[0], frozenset(), closures=closures).outputs(json.loads(case[1])):
            found.append(output)
    except ExpressionError:
        pass
    return found


@pytest.mark.skipif(TESTS_VARIABLE not in os.environ, reason=f"{TESTS_VARIABLE} names no test file of jq")
@pytest.mark.parametrize("closures", [True, False], ids=["closures", "machine"])
def test_jqs_own_tests_pass(closures: bool) -> None:
    cases = [
        case
        for case in _cases(Path(os.environ[TESTS_VARIABLE]))
        if not REFUSED.search(case[0] + case[1]) and not DIFFERENT.search(" ".join(case))
    ]
    failed = [case for case in cases if not _passes(case, closures=closures)]
    assert len(cases) > 0
    assert 1 - len(failed) / len(cases) >= PASS_SHARE_MIN, failed
