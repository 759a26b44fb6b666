"""Everything that is wrong with a document: its bounds, then the shape and the meaning of each place."""

from collections.abc import Iterator
from itertools import islice

from tidemill.dsl import limits
from tidemill.dsl.bounds import scan
from tidemill.dsl.problems import Problem
from tidemill.dsl.rules import Check, problems_of
from tidemill.dsl.walk import places, places_of_function
from tidemill.json import Json


def check(document: Json) -> list[Problem]:
    """Find what is wrong with a loaded document, errors and warnings, in the document's order.

    Never raises. Past the first 100 errors it stops looking; of warnings it gives the first 100, which never
    take the place of errors.
    """
    found: list[Problem] = []
    counts = {"error": 0, "warning": 0}
    for problem in _problems(document):
        counts[problem.severity] += 1
        if counts[problem.severity] <= limits.PROBLEMS_MAX:
            found.append(problem)
        if counts["error"] == limits.PROBLEMS_MAX:
            break
    return found


class FunctionChecks:
    """Checks the functions from outside of one definition, which may cost as much together as a document."""

    def __init__(self) -> None:
        self._state = Check({})

    def problems(self, task: Json, uri: str) -> list[Problem]:
        """The errors in the task of the function at `uri`, by pointers from there, as in `use.functions`.

        The task may not be changed as long as this lives. Never raises.
        """
        if unbounded := scan(task):
            return [unbounded]
        self._state.base = uri
        found = (problem for place in places_of_function(task) for problem in problems_of(place, self._state))
        return list(islice((one for one in found if one.severity == "error"), limits.PROBLEMS_MAX))


def _problems(document: Json) -> Iterator[Problem]:
    unbounded = scan(document)
    if unbounded:
        yield unbounded
        return
    state = Check(document)
    for place in places(document):
        yield from problems_of(place, state)


def shape_problems(document: Json) -> Iterator[Problem]:
    """What is wrong with the shape alone, as a JSON Schema would see it, in a document within its bounds."""
    return (fault for place in places(document) for fault in place.faults)
