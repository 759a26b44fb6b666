"""Runs compiled steps: a loop over explicit state, so that recursion costs heap and never the Python stack.

A step gets the machine, a register (the input), an environment and a frame (what comes next), and
returns the next step with its three. To give an output is to go to the frame; to give no more is to
backtrack to the latest choice. Every step is charged, so nothing runs for ever.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from tidemill.expressions.budget import CAUGHT_OPERATIONS, Run
from tidemill.expressions.errors import RaisedError
from tidemill.json import Json

# What a step costs of the budget, where 1 is about the cost of a compiled closure.
STEP_OPERATIONS: Final = 4

# A JSON value, or in path mode a Place, or the cell of a loop under way.
Register: TypeAlias = Any
# The values of the names in scope, innermost first: (value, outer), or None.
Environment: TypeAlias = Any
# What happens with an output: (step, its environment, next frame).
Frame: TypeAlias = tuple["Step", Any, Any]
Jump: TypeAlias = tuple["Step | None", Register, Environment, Any]
Step: TypeAlias = Callable[["Machine", Register, Environment, Frame], Jump]
# In path mode the register holds where a value stands and the value: path None means that it stands nowhere.
Place: TypeAlias = tuple[tuple[Json, ...] | None, Json]


class Machine:
    """One evaluation by steps."""

    __slots__ = ("choices", "handlers", "output", "run")

    def __init__(self, run: Run) -> None:
        self.run = run
        # Each choice: step, register, environment, frame, and the error handlers that were in force.
        self.choices: list[tuple[Step, Register, Environment, Any, Any]] = []
        # The innermost `try`: step, register, environment, frame, height of the choices, outer handlers.
        self.handlers: Any = None
        self.output: list[Json] = []

    def outputs(self, step: Step, value: Json) -> Iterator[Json]:
        """The outputs of a compiled expression, one by one; raises ExpressionError."""
        final: Frame = (_emit, None, None)
        self._advance((step, value, None, final))
        while self.output:
            yield self.output.pop()
            self._advance(self.backtrack())

    def choose(self, step: Step, register: Register, environment: Environment, frame: Frame) -> None:
        """Remember where to go on when the way taken now has no more outputs."""
        self.choices.append((step, register, environment, frame, self.handlers))

    def backtrack(self) -> Jump:
        """Go on at the latest choice."""
        if not self.choices:
            return None, None, None, None
        step, register, environment, frame, self.handlers = self.choices.pop()
        return step, register, environment, frame

    def _advance(self, jump: Jump) -> None:
        step, register, environment, frame = jump
        budget = self.run.budget
        while step is not None:
            # Written out, because a call for every step would cost a fifth of the time.
            left = budget.operations_left - STEP_OPERATIONS
            if left < 0:
                budget.spend(STEP_OPERATIONS)
            budget.operations_left = left
            try:
                step, register, environment, frame = step(self, register, environment, frame)
            except RaisedError as error:
                step, register, environment, frame = self._handle(error)

    def _handle(self, error: RaisedError) -> Jump:
        if self.handlers is None:
            raise error
        self.run.budget.spend(CAUGHT_OPERATIONS)
        step, register, environment, frame, height, self.handlers = self.handlers
        del self.choices[height:]
        return step, (error.value, register), environment, frame


def _emit(machine: Machine, value: Register, _environment: Environment, _frame: Frame) -> Jump:
    machine.output.append(value)
    return None, None, None, None
