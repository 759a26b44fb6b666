"""Steps for names: variables, functions given as arguments, calls of defined functions."""

from collections.abc import Callable, Sequence

from tidemill.expressions.machine import Environment, Frame, Jump, Machine, Register, Step
from tidemill.expressions.scope import Function


class Closure:
    """An expression given as an argument; its path mode is compiled only when a path needs it."""

    __slots__ = ("_compile_path", "_path_step", "step")

    def __init__(self, step: Step, compile_path: Callable[[], Step]) -> None:
        self.step = step
        self._compile_path = compile_path
        self._path_step: Step | None = None

    @property
    def path_step(self) -> Step:
        """The expression in path mode."""
        if self._path_step is None:
            self._path_step = self._compile_path()
        return self._path_step


def local_variable(steps_out: int) -> Step:
    """A variable of the expression itself."""

    def step(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        for _ in range(steps_out):
            environment = environment[1]
        return frame[0], environment[0], frame[1], frame[2]

    return step


def global_variable(name: str) -> Step:
    """A variable that the caller gives."""

    def step(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        return frame[0], machine.run.variables.get(name), frame[1], frame[2]

    return step


def argument(steps_out: int, *, path_mode: bool) -> Step:
    """A call of a function that was given as an argument: it runs where it was written."""

    def step(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        for _ in range(steps_out):
            environment = environment[1]
        closure, written_in = environment[0]
        return closure.path_step if path_mode else closure.step, register, written_in, frame

    return step


def call(function: Function, arguments: Sequence[Closure], steps_out: int, *, path_mode: bool) -> Step:
    """A call of a defined function. The frame is passed on, so that a last call needs no memory."""

    def step(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        inner = environment
        for _ in range(steps_out):
            inner = inner[1]
        for closure in arguments:
            inner = ((closure, environment), inner)
        return function.path_step if path_mode else function.step, register, inner, frame

    return step
