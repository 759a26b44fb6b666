"""What an evaluation may cost, counted by the evaluator so that every machine gives the same answer."""

from collections.abc import Mapping
from typing import Final

from tidemill.expressions.errors import BudgetExceededError
from tidemill.json import Json

# Calibrated by the hostile programs in the tests: each ends well under 50 ms on two small cores.
OPERATIONS_MAX: Final = 100_000
PRODUCED_BYTES_MAX: Final = 32 * 1024 * 1024
# Values nest no deeper than this, because the JSON writer of the engine goes no deeper either.
NESTING_LEVELS_MAX: Final = 250
# Inside an evaluation values may nest as deep as in jq: what walks them keeps a stack of its own.
WALKED_LEVELS_MAX: Final = 10_000
# Looking for one value in another walks by recursion, and goes no deeper, to spare the Python stack.
CONTAINED_LEVELS_MAX: Final = 100
# What an error costs that is caught: its message shows the values that were at fault.
CAUGHT_OPERATIONS: Final = 60


class Budget:
    """Operations and produced bytes that are left. One budget may be shared by several evaluations."""

    __slots__ = ("bytes_left", "operations_left")

    def __init__(self, operations: int = OPERATIONS_MAX, produced_bytes: int = PRODUCED_BYTES_MAX) -> None:
        self.operations_left = operations
        self.bytes_left = produced_bytes

    def spend(self, operations: int) -> None:
        """Charge operations before they run; raises BudgetExceededError."""
        left = self.operations_left - operations
        if left < 0:
            raise BudgetExceededError("the expression needs more operations than its budget allows")
        self.operations_left = left

    def produce(self, byte_count: int) -> None:
        """Charge bytes before they are produced; raises BudgetExceededError."""
        left = self.bytes_left - byte_count
        if left < 0:
            raise BudgetExceededError("the expression produces more data than its budget allows")
        self.bytes_left = left


class Run:
    """What one evaluation knows besides its input: the variables, the recorded time, the budget."""

    __slots__ = ("budget", "now_us", "variables")

    def __init__(self, variables: Mapping[str, Json], now_us: int, budget: Budget) -> None:
        self.variables = variables
        self.now_us = now_us
        self.budget = budget
