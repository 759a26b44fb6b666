"""Every document that there is can be drawn, with each of its tasks."""

from pathlib import Path

import pytest

from tests.unit.diagrams.mermaid_grammar import parse
from tests.unit.dsl.mutations import Mutator
from tests.unit.dsl.shared_data import documents, scenario_documents
from tidemill.diagrams.mermaid import draw_mermaid
from tidemill.diagrams.reading import outline_of
from tidemill.diagrams.text import draw_text
from tidemill.dsl import DocumentError, check, load
from tidemill.dsl.walk import places
from tidemill.json import Json

ROOT = Path(__file__).parents[3]
OWN = [*sorted((ROOT / "examples").glob("*.yaml")), ROOT / "tests/unit/dsl/kitchen_sink.yaml"]
MUTANTS_OF_EACH = 40


def references(document: Json) -> set[str]:
    """Where tasks stand in a document, as its checks find them."""
    return {place.pointer for place in places(document) if place.level.name.endswith(" task")}


def check_drawing(document: Json) -> None:
    outline = outline_of(document)
    chart = parse(draw_mermaid(outline))
    text = draw_text(outline)
    assert {task.reference for task in outline.tasks()} == references(document) != set()
    for task in outline.tasks():
        assert f"{task.kind} {task.name}" in text
        assert any(label.split(" | ")[0] == f"{task.kind} {task.name}" for label in chart.labels())


def test_every_official_example_is_drawn_with_each_of_its_tasks() -> None:
    examples = documents("examples")
    for text in examples.values():
        check_drawing(load(text))
    assert len(examples) == 68


def test_every_conformance_scenario_is_drawn_with_each_of_its_tasks() -> None:
    scenarios = scenario_documents()
    for document in scenarios.values():
        check_drawing(document)
    assert len(scenarios) == 21


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.stem)
def test_our_documents_are_drawn_with_each_of_their_tasks(path: Path) -> None:
    check_drawing(load(path.read_bytes()))


def test_a_damaged_document_is_drawn_or_refused_with_a_pointer() -> None:
    originals = [load(path.read_bytes()) for path in OWN]
    mutator = Mutator(list(originals), seed=20261124)
    drawn = unsound = 0
    refused_at: list[str] = []
    for original in originals:
        for mutant in mutator.mutants(original, count=MUTANTS_OF_EACH):
            unsound += any(problem.severity == "error" for problem in check(mutant))
            try:
                outline = outline_of(mutant)
            except DocumentError as error:
                refused_at.append(error.problems[0].pointer)
            else:
                drawn += 1
                parse(draw_mermaid(outline))
                assert draw_text(outline)
    assert min(drawn, len(refused_at), unsound) > 5
    assert all(pointer.startswith(("/do", "/use")) for pointer in refused_at)
