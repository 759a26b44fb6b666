"""Closures that call builtins whose arguments are values."""

from collections.abc import Callable, Iterator

from tidemill.expressions.budget import Run
from tidemill.expressions.closures.shapes import Many, Single
from tidemill.expressions.machine import Environment
from tidemill.json import Json


def single_native(native: Callable[..., Json], arguments: list[Single]) -> Single:
    """A builtin of one output. The last argument is evaluated first."""
    if not arguments:
        return lambda value, environment, run: native(run, value)
    if len(arguments) == 1:
        argument = arguments[0]
        return lambda value, environment, run: native(run, value, argument(value, environment, run))

    def call(value: Json, environment: Environment, run: Run) -> Json:
        return native(run, value, *_evaluated(arguments, value, environment, run))

    return call


def many_native(native: Callable[..., Iterator[Json]], arguments: list[Single]) -> Many:
    """A builtin of many outputs."""

    def call(value: Json, environment: Environment, run: Run) -> Iterator[Json]:
        return native(run, value, *_evaluated(arguments, value, environment, run))

    return call


def _evaluated(arguments: list[Single], value: Json, environment: Environment, run: Run) -> list[Json]:
    found = [argument(value, environment, run) for argument in reversed(arguments)]
    found.reverse()
    return found
