"""Small documents to check, and what a check said about them."""

from tidemill.dsl import Problem, check
from tidemill.json import Json

HEADER: dict[str, Json] = {"dsl": "1.0.3", "namespace": "shop", "name": "order", "version": "1.0.0"}


def workflow(*tasks: tuple[str, Json], **members: Json) -> dict[str, Json]:
    """A document with these tasks, in order, and further members."""
    do: list[Json] = [{name: task} for name, task in tasks]
    return {"document": dict(HEADER), "do": do, **members}


def one(task: Json, **members: Json) -> dict[str, Json]:
    """A document with one task, `/do/0/it`."""
    return workflow(("it", task), **members)


def http(**arguments: Json) -> dict[str, Json]:
    """A sound call, with further arguments."""
    return {"call": "http", "with": {"method": "get", "endpoint": "https://example.com", **arguments}}


def errors(document: Json) -> dict[str, str]:
    """The errors by pointer (the first one of each)."""
    return _by_pointer([problem for problem in check(document) if problem.severity == "error"])


def warnings(document: Json) -> dict[str, str]:
    """The warnings by pointer."""
    return _by_pointer([problem for problem in check(document) if problem.severity == "warning"])


def _by_pointer(problems: list[Problem]) -> dict[str, str]:
    found: dict[str, str] = {}
    for problem in problems:
        found.setdefault(problem.pointer, problem.message)
    return found
