"""What is wrong with a document and its functions from outside together, each of which is well by itself."""

from collections.abc import Iterator, Mapping

from tidemill.dsl import limits
from tidemill.dsl.extents import Functions, extent_problems
from tidemill.dsl.problems import Problem
from tidemill.json import Json


def link_problems(
    document: Json, outside: Mapping[str, Json], pointers: Mapping[str, str]
) -> Iterator[Problem]:
    """Circles, levels and sizes. Functions from outside by URI; `pointers` say which call leads to each."""
    order = Functions(document, outside).ordered()
    if order.circles:
        for key, at, message in order.circles:
            yield Problem(pointers.get(key, at), f"{key}: {at}: {message}" if key in outside else message)
        return
    for uri, pointer in pointers.items():
        if order.levels[uri] > limits.FUNCTION_LEVELS_MAX:
            yield levels_problem(pointer, uri)
    yield from extent_problems(document, outside)


def levels_problem(pointer: str, uri: str) -> Problem:
    """Too many functions from outside, each called by the one before."""
    most = limits.FUNCTION_LEVELS_MAX
    message = f"functions from outside may call one another {most} levels deep (FUNCTION_LEVELS_MAX)"
    return Problem(pointer, f"{uri}: {message}")
