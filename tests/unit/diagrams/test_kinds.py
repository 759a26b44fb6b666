"""Each kind of task as it is drawn: `kinds/` holds pages with a document, its tree and its flowchart."""

from pathlib import Path

import pytest

from tests.unit.diagrams.mermaid_grammar import parse
from tests.unit.diagrams.pages import blocks
from tidemill.diagrams.flow import links_of
from tidemill.diagrams.mermaid import draw_mermaid
from tidemill.diagrams.reading import outline_of
from tidemill.diagrams.text import draw_text
from tidemill.dsl import TASK_KINDS, DocumentError, check, load

PAGES = sorted(Path(__file__).with_name("kinds").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_document_is_drawn_as_its_page_shows(page: Path) -> None:
    shown = blocks(page)
    document = load(shown["yaml"])
    assert [problem for problem in check(document) if problem.severity == "error"] == []
    outline = outline_of(document)
    assert draw_text(outline) == shown["text"]
    assert draw_mermaid(outline) == shown["mermaid"]
    chart = parse(shown["mermaid"])
    assert len(chart.links) == len(links_of(outline))


def test_the_pages_show_every_kind_of_task() -> None:
    outlines = [outline_of(load(blocks(page)["yaml"])) for page in PAGES]
    assert {task.kind for outline in outlines for task in outline.tasks()} == set(TASK_KINDS)


@pytest.mark.parametrize(
    ("do", "pointer"),
    [
        ("none", "/do"),
        ("[{one: {wait: PT1S}, two: {wait: PT1S}}]", "/do/0"),
        ("[{one: {set: {a: 1}, wait: PT1S}}]", "/do/0/one"),
        ("[{one: {}}]", "/do/0/one"),
        ("[{block: {do: [{one: 5}]}}]", "/do/0/block/do/0/one"),
    ],
)
def test_what_is_no_task_is_refused_with_its_place(do: str, pointer: str) -> None:
    with pytest.raises(DocumentError) as refusal:
        outline_of(load(f"do: {do}\n"))
    assert [problem.pointer for problem in refusal.value.problems] == [pointer]


def test_a_long_list_of_items_leaves_the_condition_of_a_loop_in_sight() -> None:
    items = "[{" + "}, {".join(f"wait: {{hours: {hours}}}" for hours in range(20)) + "}]"
    outline = outline_of(load(f"do: [{{loop: {{for: {{in: {items}}}, while: .reply == null, do: []}}}}]\n"))
    assert "while .reply == null" in draw_text(outline)
