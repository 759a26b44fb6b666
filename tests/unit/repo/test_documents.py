"""Every workflow that the project shows, in examples/ and on its pages, is one that this release runs."""

import re
from pathlib import Path

import pytest

from tidemill import dsl
from tidemill.engine.core.plan import compile_plan

ROOT = Path(__file__).parents[3]
PAGES = ("README.md", "docs/dsl.md")
BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# With a key, so that a task that listens hears the events of one subject, as it should.
HEADER = """\
document:
  dsl: '1.0.3'
  namespace: pages
  name: page
  version: 1.0.0
  metadata: {tidemill: {orderingKey: .subject}}
do:
"""


def shown_documents() -> list[tuple[str, str]]:
    """Where a document stands, and its text; a block of tasks alone is given what it lacks."""
    examples = ROOT / "examples"
    files = [path for path in sorted(examples.rglob("*.yaml")) if path.name != "story.yaml"]
    found = [(str(path.relative_to(examples)), path.read_text()) for path in files]
    for page in PAGES:
        text = (ROOT / page).read_text()
        for block in BLOCK.finditer(text):
            line = text.count("\n", 0, block.start()) + 1
            shown = block[1] if block[1].startswith("document:") else HEADER + block[1]
            found.append((f"{page}:{line}", shown))
    return found


DOCUMENTS = shown_documents()


@pytest.mark.parametrize(("place", "text"), DOCUMENTS, ids=[place for place, _ in DOCUMENTS])
def test_a_document_that_is_shown_runs(place: str, text: str) -> None:
    document = dsl.load(text)
    assert dsl.check(document) == []
    assert dsl.unsupported(document) == []
    assert compile_plan(document).tasks


def test_every_kind_of_task_is_shown_on_the_page_of_the_language() -> None:
    page = (ROOT / "docs/dsl.md").read_text()
    headings = set(re.findall(r"^### (\w+)$", page, re.MULTILINE))
    assert headings == set(dsl.TASK_KINDS)


def test_what_the_page_of_the_language_says_is_refused_is_refused() -> None:
    for call in ("a2a, with: {method: tasks/get}", "'https://example.com/function'"):
        document = dsl.load(HEADER + f"- one: {{call: {call}}}\n")
        assert dsl.check(document) == []
        assert dsl.unsupported(document)


def test_the_first_workflow_of_the_readme_is_the_example() -> None:
    (shown,) = [text for place, text in DOCUMENTS if place.startswith("README.md")]
    assert dsl.load(shown) == dsl.load((ROOT / "examples/hello.yaml").read_bytes())
