"""Every workflow in examples/ and in the README is one that this release runs."""

import re
from pathlib import Path

import pytest

from tidemill import dsl
from tidemill.engine.core.plan import compile_plan

ROOT = Path(__file__).parents[3]
README = "README.md"
PAGES = (README, "docs/dsl.md")
BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def shown_documents() -> list[tuple[str, str]]:
    """Where a document stands, and its text."""
    examples = ROOT / "examples"
    files = [path for path in sorted(examples.rglob("*.yaml")) if path.name != "story.yaml"]
    found = [(str(path.relative_to(examples)), path.read_text()) for path in files]
    return [*found, (README, first_workflow(README))]


def first_workflow(page: str) -> str:
    """The first document that a page shows."""
    block = BLOCK.search((ROOT / page).read_text())
    assert block is not None
    return block[1]


DOCUMENTS = shown_documents()


@pytest.mark.parametrize(("place", "text"), DOCUMENTS, ids=[place for place, _ in DOCUMENTS])
def test_a_document_that_is_shown_runs(place: str, text: str) -> None:
    document = dsl.load(text)
    assert dsl.check(document) == []
    assert dsl.unsupported(document) == []
    assert compile_plan(document).tasks


@pytest.mark.parametrize("page", PAGES)
def test_the_first_workflow_of_a_page_is_the_example(page: str) -> None:
    assert dsl.load(first_workflow(page)) == dsl.load((ROOT / "examples/hello.yaml").read_bytes())
