"""Whatever an author writes, an evaluation ends soon, by counting and never by the clock."""

import inspect
import sys
import time
from contextlib import suppress
from statistics import median

import pytest

from tidemill.expressions import Budget, ExpressionError
from tidemill.expressions.budget import OPERATIONS_MAX, PRODUCED_BYTES_MAX
from tidemill.expressions.errors import BudgetExceededError
from tidemill.expressions.expression import Expression
from tidemill.json import Json

# Well above what the reference machine takes, because test machines are shared.
MILLISECONDS_MAX = 250
RUNS = 3
STACK_FRAMES_MAX = 600

LARGE: Json = {"items": [{"a": n, "b": [n, {"c": str(n)}]} for n in range(20_000)]}

OVER_BUDGET = [
    "[range(1e12)]",
    "[range(1e12) | . + 1]",
    "last(range(1e12))",
    "[foreach range(1e9) as $i (0; . + $i)]",
    "first(range(1e9) | select(. > 1e8))",
    "any(range(1e9); . < 0)",
    "isempty(range(1e9) | select(. < 0))",
    "def f: f; f",
    "def f: 1 + f; f",
    "def f: f, f; f",
    "def f: [f]; f",
    "def f: {a: f}; f",
    'def f: "\\(f)"; f',
    "def f: try f catch f; f",
    'def f: try error("x") catch f; f',
    "def f: (f | f)?; f",
    "def f: first(f); f",
    "def f: path(f); f",
    "def f: .a | f; path(f)",
    "def f: label $x | f; f",
    "def f: reduce f as $x (0; 1); f",
    "def f($x): f($x + 1); f(0)",
    "def f(g): f(g | g); f(.)",
    "def f: .a |= f; {} | f",
    "def f: [1, 2] | sort_by(f); f",
    'def f: "a" | gsub("a"; f); f',
    'reduce range(1000) as $i ("x"; . + .)',
    "reduce range(1000) as $i ([1]; . + .)",
    '"x" | until(false; . + .)',
    '"x" * 2e9',
    '("x" * 1000000) * 1000',
    "reduce range(60) as $i ({}; {a: ., b: .}) | tojson",
    '"a" * 16000 | test("((a?){40}){10}b")',
    '"ab" * 12000 | test("[ab]*a[ab]{60}c")',
    '"x" | test("a{900}b{900}c{900}")',
    '[range(20000) | "p\\(.)" as $p | "x" | test($p)]',
    '"a" * 5000 | [match("a*?b|(a{10}){10}"; "g")]',
    "[limit(1e9; repeat(1))]",
    "repeat(empty)",
    '[range(90000)] | join("x" * 400)',
    "[range(90000) | 65] | implode",
    "reduce range(100000) as $i (.; [.])",
    "reduce range(400) as $i (null; [.])",
    '"[" * 300 + "]" * 300 | fromjson',
    '[range(9000) | "a"] as $path | [range(20) | null | setpath($path; 1)]',
    '[range(1000) | "a"] as $path | setpath($path; 1)',
    "null | .[100000000] = 1",
    "[..] | map(tojson)",
    "[paths]",
    "tojson",
    "[tostream]",
    "walk(.)",
    ".items |= map(.a += 1)",
    "del(.items[].a)",
    "[range(1000)] as $x | [$x[] | [$x[] | . + 1]]",
    "[range(300)] | combinations(3) | select(false)",
    "[range(5000)] | [.[] as $x | index($x)]",
    "[range(3000)] - [range(3000)]",
    '0 | strftime("%c" * 100000)',
    "[range(10000) | todate]",
    '("x" * 1000) as $s | [range(100000) | $s + $s]',
    '"\\u0001" * 3000000 | tojson',
    '"&" * 8000000 | @html',
    '"x" * 1000000 | explode',
    '"a," * 2000000 | split(",")',
    "[range(60000)] | tojson",
    "[range(30000) | {a: .}] | INDEX(.a)",
]


@pytest.mark.parametrize("closures", [True, False], ids=["closures", "machine"])
@pytest.mark.parametrize("source", OVER_BUDGET)
def test_a_hostile_program_is_over_budget_soon(source: str, closures: bool) -> None:
    expression = Expression(source, None, closures=closures)
    milliseconds = []
    for _ in range(RUNS):
        budget = Budget()
        started = time.process_time()
        with pytest.raises(BudgetExceededError):
            expression.evaluate_all(LARGE, budget=budget)
        milliseconds.append((time.process_time() - started) * 1000)
        assert 0 <= budget.operations_left <= OPERATIONS_MAX
        assert 0 <= budget.bytes_left <= PRODUCED_BYTES_MAX
        if milliseconds[-1] < MILLISECONDS_MAX:
            break
    assert median(milliseconds) < MILLISECONDS_MAX


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
