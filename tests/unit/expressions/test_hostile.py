"""Whatever an author writes ends soon, with the same answer everywhere: by counting, not by the clock."""

import ast
import json
import os
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tidemill.expressions
from bench import hostile_expressions
from bench.hostile_expressions import PROGRAMS, Outcome, all_outcomes, best_milliseconds, outcome
from tests.unit.expressions.programs import programs
from tidemill.expressions import Budget, ExpressionError, ExpressionSyntaxError
from tidemill.expressions.budget import OPERATIONS_MAX, PRODUCED_BYTES_MAX
from tidemill.expressions.expression import Expression
from tidemill.json import Json

# Twice what the benchmark allows, because test machines are shared.
MILLISECONDS_MAX = 100
ROUNDS = 5
PROGRAMS_MIN = 60
OVER_BUDGET_MIN = 200
# What reads a clock, draws lots, or looks at the machine.
IMPURE = {"time", "datetime", "random", "secrets", "uuid", "os", "platform", "signal", "threading", "locale"}

pytestmark = pytest.mark.slow

LOOPS = st.sampled_from(
    [
        "[range(1e6) as $i | {}]",
        "reduce range(1e6) as $i (.; {})",
        "[range(1e6) as $i | try ({}) catch 1]",
        ". as $whole | [limit(1e6; repeat($whole | {}))]",
        "def f: ({}), f; [f]",
        "[range(1e6) as $i | [.a, .b, .key] | .[$i % 3] | {}?]",
    ]
)
DOCUMENT: Json = {
    "a": "é日a" * 3000,
    "b": list(range(2000)),
    "key": {str(n): [n] for n in range(1500)},
    "items": [{"a": n, "b": [n, {"c": str(n)}]} for n in range(2000)],
}


@cache
def first_outcomes() -> list[Outcome]:
    """All outcomes as they come first in this process: for two tests, for they take ten seconds."""
    return all_outcomes()


@pytest.mark.timeout(120)
def test_there_are_many_hostile_programs_and_most_exhaust_the_budget() -> None:
    assert len(set(PROGRAMS)) == len(PROGRAMS) >= PROGRAMS_MIN
    ended = [found.ending for found in first_outcomes()[::2]]
    assert sum(ending.startswith("BudgetExceededError") for ending in ended) >= OVER_BUDGET_MIN


@pytest.mark.parametrize("closures", [True, False], ids=["closures", "machine"])
@pytest.mark.parametrize("source", PROGRAMS)
def test_a_hostile_program_ends_soon(source: str, closures: bool) -> None:
    expression = Expression(source, frozenset(), closures=closures)
    best = best_milliseconds(expression, ROUNDS, enough=MILLISECONDS_MAX)
    assert best < MILLISECONDS_MAX


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(programs, LOOPS, st.booleans())
def test_a_generated_program_in_an_endless_loop_ends_soon(body: str, loop: str, closures: bool) -> None:
    source = loop.replace("{}", body)
    try:
        expression = Expression(source, frozenset("xy"), closures=closures)
    except ExpressionSyntaxError:
        return
    best = best_milliseconds(expression, ROUNDS, enough=MILLISECONDS_MAX, document=DOCUMENT)
    assert best < MILLISECONDS_MAX


@pytest.mark.parametrize("closures", [True, False], ids=["closures", "machine"])
@pytest.mark.parametrize("source", ["[range(1e12)]", '"x" * 16000000 | . + .', "def f: 1 + f; f"])
def test_a_budget_is_never_overdrawn(source: str, closures: bool) -> None:
    ended = outcome(source, closures=closures)
    assert ended.ending.startswith("BudgetExceededError")
    assert 0 <= ended.operations_left <= OPERATIONS_MAX
    assert 0 <= ended.bytes_left <= PRODUCED_BYTES_MAX


@pytest.mark.timeout(120)
def test_each_program_ends_alike_every_time_and_under_every_hash_seed() -> None:
    command = [sys.executable, hostile_expressions.__file__, "--outcomes"]
    environment = {**os.environ, "PYTHONHASHSEED": "4242"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        here = first_outcomes()
        again = all_outcomes()
        printed, _ = process.communicate()
    assert again == here
    elsewhere = [Outcome(*fields) for fields in json.loads(printed)]
    assert elsewhere == here


def test_nothing_in_the_evaluator_can_read_a_clock_or_the_machine() -> None:
    folder = Path(tidemill.expressions.__file__).parent
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.partition(".")[0] for name in names} & IMPURE, path


@pytest.mark.parametrize("closures", [True, False], ids=["closures", "machine"])
@pytest.mark.parametrize("operations", [10, 1_000, 5_000])
def test_a_smaller_budget_ends_every_program_too(operations: int, closures: bool) -> None:
    for source in PROGRAMS:
        expression = Expression(source, frozenset(), closures=closures)
        budget = Budget(operations)
        with suppress(ExpressionError):
            expression.evaluate(hostile_expressions.DOCUMENT, budget=budget)
        assert 0 <= budget.operations_left <= operations
