"""Everything that is wrong with a document: its bounds, then the shape and the meaning of each place."""

from collections.abc import Iterator
from itertools import islice

from tidemill.dsl import limits
from tidemill.dsl.bounds import scan
from tidemill.dsl.problems import Problem
from tidemill.dsl.rules import Check, problems_of
from tidemill.dsl.walk import places
from tidemill.json import Json


def check(document: Json) -> list[Problem]:
    """Find what is wrong with a loaded document, errors and warnings, in the document's order.

    Never raises; past the first 100 problems it stops looking.
    """
    return list(islice(_problems(document), limits.PROBLEMS_MAX))


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
