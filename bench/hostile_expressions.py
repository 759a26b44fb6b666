"""How long the worst expressions run before their budget ends them: `python bench/hostile_expressions.py`.

Each program of hostile_programs.txt runs both ways (closures, and the machine alone) with the default budget.
Exits with 1 when one takes longer than the limit. `--outcomes` prints instead how each ended, as JSON.
"""

import json
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tidemill.expressions import Budget, ExpressionError
from tidemill.expressions.expression import Expression
from tidemill.expressions.jsontext import to_json
from tidemill.json import Json

ROUNDS: Final = 5
MILLISECONDS_MAX: Final = 50
SHOWN: Final = 10
_LINES: Final = (Path(__file__).parent / "hostile_programs.txt").read_text().splitlines()
PROGRAMS: Final = tuple(line for line in _LINES if line and not line.startswith("#"))
DOCUMENT: Final[Json] = {"items": [{"a": n, "b": [n, {"c": str(n)}]} for n in range(20_000)]}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended: its error, or its outputs as JSON; and what was left of the budget."""

    ending: str
    operations_left: int
    bytes_left: int


def outcome(source: str, *, closures: bool) -> Outcome:
    """Run one program with the default budget."""
    budget = Budget()
    try:
        expression = Expression(source, frozenset(), closures=closures)
        outputs: Json = expression.evaluate_all(DOCUMENT, budget=budget)
    except ExpressionError as error:
        return Outcome(f"{type(error).__name__}: {error}", budget.operations_left, budget.bytes_left)
    return Outcome(to_json(outputs, Budget(10**9, 10**9)), budget.operations_left, budget.bytes_left)


def all_outcomes() -> list[Outcome]:
    """Each program's outcome with closures and by the machine alone."""
    return [outcome(source, closures=closures) for source in PROGRAMS for closures in (True, False)]


def best_milliseconds(
    expression: Expression, rounds: int, *, enough: float = 0, document: Json = DOCUMENT
) -> float:
    """The shortest time of some rounds, or of fewer once one is quick enough; noise only ever adds."""
    best = float("inf")
    for _ in range(rounds):
        budget = Budget()
        begun = time.process_time()
        with suppress(ExpressionError):
            expression.evaluate_all(document, budget=budget)
        best = min(best, (time.process_time() - begun) * 1000)
        if best < enough:
            break
    return best


def main() -> int:
    """Measure and print; the exit code."""
    measured = sorted(
        (best_milliseconds(Expression(source, frozenset(), closures=closures), ROUNDS), source, closures)
        for source in PROGRAMS
        for closures in (True, False)
    )
    for milliseconds, source, closures in measured[: -SHOWN - 1 : -1]:
        print(f"{milliseconds:7.1f} ms  {'closures' if closures else 'machine '}  {source}")
    worst, middle = measured[-1][0], measured[len(measured) // 2][0]
    print(f"{len(PROGRAMS)} programs, both ways: worst {worst:.1f} ms, median {middle:.1f} ms")
    print(f"(at most {MILLISECONDS_MAX} ms)")
    return int(worst > MILLISECONDS_MAX)


if __name__ == "__main__":
    if sys.argv[1:] == ["--outcomes"]:
        print(json.dumps([(one.ending, one.operations_left, one.bytes_left) for one in all_outcomes()]))
    else:
        sys.exit(main())
