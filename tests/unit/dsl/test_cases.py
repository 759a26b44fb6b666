"""Every rule by an example: a wrong document, what is said about it and where, and a right one beside it.

The documents are in `cases/`. Those that are about tasks alone are told the same wherever tasks may stand.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias, cast

import pytest

from tests.unit.dsl.samples import HEADER
from tidemill.dsl import Problem, check, load
from tidemill.json import Json

Document: TypeAlias = dict[str, Json]


class Case(NamedTuple):
    """One rule."""

    wrong: Document
    pointer: str
    sentence: str
    right: Document
    severity: str
    beside: frozenset[str]


class Place(NamedTuple):
    """Somewhere that a list of tasks may stand."""

    pointer: str
    document: Callable[[Json], Document]


def read_cases() -> dict[str, Case]:
    found: dict[str, Case] = {}
    for path in sorted(Path(__file__).with_name("cases").glob("*.yaml")):
        for name, given in load(path.read_text()).items():
            found[f"{path.stem}: {name}"] = read_case(cast("Document", given))
    return found


def read_case(given: Document) -> Case:
    assert given.keys() <= {"wrong", "pointer", "sentence", "right", "warning", "beside"}
    return Case(
        with_header(cast("Document", given["wrong"])),
        str(given["pointer"]),
        str(given["sentence"]),
        with_header(cast("Document", given["right"])),
        "warning" if given.get("warning") else "error",
        frozenset(map(str, cast("list[Json]", given.get("beside", [])))),
    )


def with_header(document: Document) -> Document:
    header = cast("Document", document.get("document", {}))
    return {**document, "document": {**HEADER, **header}}


def nested(pointer: str, outer: Callable[[Json], Json]) -> Place:
    return Place(f"/do/0/outer{pointer}", lambda tasks: {"do": [{"outer": outer(tasks)}]})


def shared(pointer: str, use: Callable[[Json], Json]) -> Place:
    return Place(f"/use{pointer}", lambda tasks: {"do": [], "use": use(tasks)})


def loop(tasks: Json) -> Json:
    return {"for": {"each": "outerItem", "at": "outerIndex", "in": ".x"}, "do": tasks}


def branch(tasks: Json) -> Json:
    return {"fork": {"branches": [{"side": {"do": tasks}}]}}


def handler(tasks: Json) -> Json:
    return {"try": [], "catch": {"as": "outerError", "do": tasks}}


def foreach(tasks: Json) -> Json:
    listen: Json = {"to": {"one": {"with": {"type": "a", "subject": "b"}}}}
    return {"listen": listen, "foreach": {"item": "outerItem", "at": "outerIndex", "do": tasks}}


def extension(member: str) -> Place:
    return shared(
        f"/extensions/0/audit/{member}",
        lambda tasks: {"extensions": [{"audit": {"extend": "all", member: tasks}}]},
    )


CASES: Final = read_cases()
PLACES: Final = {
    "do": nested("/do", lambda tasks: {"do": tasks}),
    "for": nested("/do", loop),
    "fork": nested("/fork/branches/0/side/do", branch),
    "try": nested("/try", lambda tasks: {"try": tasks, "catch": {}}),
    "catch": nested("/catch/do", handler),
    "foreach": nested("/foreach/do", foreach),
    "catch in for in fork": nested(
        "/fork/branches/0/side/do/0/round/do/0/careful/catch/do",
        lambda tasks: branch([{"round": loop([{"careful": handler(tasks)}])}]),
    ),
    "function": shared("/functions/f/do", lambda tasks: {"functions": {"f": {"do": tasks}}}),
    "before": extension("before"),
    "after": extension("after"),
}
OF_TASKS: Final = {
    name: case
    for name, case in CASES.items()
    if case.wrong.keys() | case.right.keys() <= {"document", "do", "use"} and case.pointer.startswith("/do/")
}


def says(problem: Problem, case: Case, pointer: str) -> bool:
    """Whether a problem is the one of the case; a sentence that ends with three dots may go on."""
    begin = case.sentence.removesuffix("...")
    told = problem.message.startswith(begin) if begin != case.sentence else problem.message == begin
    return told and (problem.pointer, problem.severity) == (pointer, case.severity)


def put(document: Document, place: Place) -> Document:
    """The document with its tasks at another place."""
    moved = place.document(document["do"])
    use = cast("dict[str, Document]", {**cast("Document", document.get("use", {}))})
    for section, members in cast("dict[str, Document]", moved.get("use", {})).items():
        use[section] = {**use[section], **members} if section in use else members
    return {**document, **moved, "use": cast("Json", use)}


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_said_with_its_place(name: str) -> None:
    case = CASES[name]
    problems = check(case.wrong)

    assert [problem for problem in problems if says(problem, case, case.pointer)], problems
    assert {problem.pointer for problem in problems} == {case.pointer, *case.beside}


@pytest.mark.parametrize("name", CASES)
def test_what_is_right_passes_without_a_word(name: str) -> None:
    assert check(CASES[name].right) == []


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("name", OF_TASKS)
def test_it_is_said_wherever_tasks_may_stand(name: str, where: str) -> None:
    case, place = OF_TASKS[name], PLACES[where]
    problems = check(put(case.wrong, place))
    pointer = place.pointer + case.pointer.removeprefix("/do")

    assert [problem for problem in problems if says(problem, case, pointer)], problems
    assert check(put(case.right, place)) == []


def test_the_cases_are_many_and_most_are_about_tasks() -> None:
    assert len(CASES) > 100
    assert len(OF_TASKS) > 80
