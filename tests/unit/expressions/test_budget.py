"""What an evaluation costs is counted, and is the same each time."""

import inspect
import sys
from contextlib import suppress

import pytest

from tidemill.expressions import Budget, ExpressionError
from tidemill.expressions.budget import OPERATIONS_MAX, PRODUCED_BYTES_MAX
from tidemill.expressions.errors import BudgetExceededError
from tidemill.expressions.expression import Expression
from tidemill.json import Json

STACK_FRAMES_MAX = 600

LARGE: Json = {"items": [{"a": n, "b": [n, {"c": str(n)}]} for n in range(20_000)]}


@pytest.mark.parametrize("closures", [True, False], ids=["closures", "machine"])
@pytest.mark.parametrize(
    ("source", "operations"),
    [
        ("[range(1000)]", 1_000),
        (".items | length", 0),
        ("[.items[:2000][] | .a] | length", 2_000),
        ("[range(100) | . + 1] | add", 200),
        ("reduce range(100) as $i (0; . + $i)", 200),
        ("[range(100)] | sort", 700),
        ('"a" * 1000 | test("b")', 100),
        ("[range(50)] | tojson", 150),
    ],
)
def test_operations_are_counted_the_same_each_time(source: str, operations: int, closures: bool) -> None:
    expression = Expression(source, None, closures=closures)
    spent = []
    for _ in range(2):
        budget = Budget()
        expression.evaluate(LARGE, budget=budget)
        spent.append(OPERATIONS_MAX - budget.operations_left)
    assert spent[0] == spent[1]
    assert operations <= spent[0] <= 40 * operations + 500


@pytest.mark.parametrize("pattern", ["(a+)+$b", "(a|a)*b", "(a|aa)+c", "(.*)(.*)(.*)(.*)x", "([a-z]+)*0"])
def test_patterns_that_ruin_backtracking_engines_are_cheap(pattern: str) -> None:
    budget = Budget()
    assert Expression(f'"a" * 10000 | test("{pattern}")', None).evaluate(None, budget=budget) is False
    assert budget.operations_left > OPERATIONS_MAX / 2


def test_replacing_all_through_a_page_of_text_is_affordable() -> None:
    text = "one two <b>three</b> four, " * 400
    assert isinstance(Expression('gsub(" "; "_")', None).evaluate(text), str)
    assert isinstance(Expression('gsub("<[^>]*>"; "")', None).evaluate(text), str)
    assert Expression('[splits(", ")] | length', None).evaluate(text) == 401


def test_produced_bytes_are_counted() -> None:
    budget = Budget()
    Expression('"x" * 1000000', None).evaluate(None, budget=budget)
    assert PRODUCED_BYTES_MAX - budget.bytes_left == pytest.approx(1_000_000, rel=0.01)


def test_a_smaller_budget_may_be_given_and_shared() -> None:
    budget = Budget(operations=1_500)
    expression = Expression("[range(1000)] | length", None)
    assert expression.evaluate(None, budget=budget) == 1000
    with pytest.raises(BudgetExceededError, match="operations"):
        expression.evaluate(None, budget=budget)


@pytest.mark.parametrize("closures", [True, False], ids=["closures", "machine"])
@pytest.mark.parametrize(
    "source", ["try [range(1e12)] catch 1", "[range(1e12)]?", "first([range(1e12)]?, 1)"]
)
def test_no_try_catches_an_exhausted_budget(source: str, closures: bool) -> None:
    with pytest.raises(BudgetExceededError):
        Expression(source, None, closures=closures).evaluate(None)


def test_outputs_are_made_one_by_one() -> None:
    outputs = Expression("range(1e12)", None).outputs(None)
    assert [next(outputs), next(outputs)] == [0, 1]


DEEP: Json = None
for _ in range(90):
    DEEP = {"a": [DEEP]}


@pytest.mark.parametrize("closures", [True, False], ids=["closures", "machine"])
@pytest.mark.parametrize(
    "source",
    [
        ". == .",
        ". == (. | .a |= .)",
        "[., .] | sort",
        "contains(.)",
        ". * .",
        "tojson | fromjson",
        "[paths] | length",
        "[..] | length",
        "walk(.)",
        "flatten",
        "map(map(map(map(map(map(map(map(map(map(map(map(. + 1))))))))))))",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
        "(((((((((((((((((((((((((((((((1 + .)))))))))))))))))))))))))))))))",
        ".a?" * 30,
        "1" + " + 1" * 60,
        "if 1 then 2 " + "elif 1 then 2 " * 55 + "else 3 end",
        "sort_by(sort_by(sort_by(sort_by(sort_by(sort_by(sort_by(sort_by(.))))))))",
        "def f: if length > 200 then . else [.] | f end; f",
        "def f: if . == null then 0 else 1 + (.a[0] | f) end; f",
    ],
)
def test_no_program_needs_much_of_the_python_stack(source: str, closures: bool) -> None:
    """A caller with a deep stack of its own must get the same answer as one with a shallow stack."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + STACK_FRAMES_MAX)
    try:
        # Some of these fail by their types or their depth, which is as good an answer.
        with suppress(ExpressionError):
            Expression(source, None, closures=closures).evaluate(DEEP)
    finally:
        sys.setrecursionlimit(before)
