"""The types of closures, and the ones that need no compiling."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from tidemill.expressions.budget import Run
from tidemill.expressions.machine import Environment
from tidemill.json import Json

# Input, environment (as in the machine), and the run: a placeholder where nothing in the closure needs it.
Single: TypeAlias = Callable[[Json, Environment, Run], Json]
Many: TypeAlias = Callable[[Json, Environment, Run], Iterator[Json]]


def identity(value: Json, environment: Environment, run: Run) -> Json:
    """`.`"""
    return value


def nothing(value: Json, environment: Environment, run: Run) -> Iterator[Json]:
    """`empty`"""
    return iter(())


def constant(value: Json) -> Single:
    """The same value whatever the input."""

    def give(_: Json, environment: Environment, run: Run) -> Json:
        return value

    return give


def local_variable(steps_out: int) -> Single:
    """A variable of the expression itself."""
    if steps_out == 0:
        return lambda value, environment, run: environment[0]
    if steps_out == 1:
        return lambda value, environment, run: environment[1][0]

    def read(value: Json, environment: Environment, run: Run) -> Json:
        for _ in range(steps_out):
            environment = environment[1]
        found: Json = environment[0]
        return found

    return read


def global_variable(name: str) -> Single:
    """A variable that the caller gives."""
    return lambda value, environment, run: run.variables.get(name)


def once(single: Single) -> Many:
    """One output as an iterator."""

    def outputs(value: Json, environment: Environment, run: Run) -> Iterator[Json]:
        yield single(value, environment, run)

    return outputs
