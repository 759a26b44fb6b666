"""The examples on the pages of the language: workflows, and below them what happens and what comes of it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.simulation.story import Story
from tidemill.dsl import load

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = (ROOT / "docs/dsl.md", *sorted((ROOT / "docs/dsl").glob("*.md")))
DOCUMENT: Final = "yaml"
STORY: Final = "yaml story"
# The pages say so: a Monday.
_BEGINS: Final = "2026-03-02T09:00:00Z"
_PART: Final = re.compile(r"^```([^\n]*)\n(.*?)^```$|^#+ ([^\n]*)$", re.MULTILINE | re.DOTALL)
# What a story may say in short of the one execution that it has of its first workflow.
_ENDING: Final = frozenset({"phase", "output", "error", "reason"})


@dataclass(frozen=True, slots=True)
class Example:
    """Workflows of a page, and the story below them; it is empty where the page tells none."""

    place: str
    documents: tuple[str, ...]
    story: str

    def played(self) -> Story:
        """The story in its long form."""
        told: Any = load(self.story.encode())
        first: Any = load(self.documents[0].encode())
        documents = [document.encode() for document in self.documents]
        return Story(documents, _in_full(dict(told), first["document"]["name"]))


def examples() -> list[Example]:
    """All examples of all pages, in their order."""
    return [example for page in PAGES for example in _examples_of(page)]


def _examples_of(page: Path) -> list[Example]:
    text, found, documents, heading, line = page.read_text(), list[Example](), list[str](), "", 0
    for part in _PART.finditer(text):
        language, block, title = part.groups()
        if language == DOCUMENT:
            documents.append(block)
            line = line or text.count("\n", 0, part.start()) + 1
        elif documents and (language == STORY or title is not None):
            place = f"{page.relative_to(ROOT)}:{line} {heading}"
            found.append(Example(place, tuple(documents), block or ""))
            documents, line = [], 0
        heading = heading if title is None else title
    assert not documents, f"the last example of {page.name} has no story"
    return found


def _in_full(told: dict[str, Any], workflow: str) -> dict[str, Any]:
    """A story with all that its short form leaves out."""
    story: dict[str, Any] = {"begins": _BEGINS, "ends": "PT0S"}
    ending = {name: told.pop(name) for name in _ENDING & told.keys()}
    if "input" in told or "for" in told:
        start = {name: told.pop(name) for name in ("input", "for") if name in told}
        story["starts"] = [{"workflow": workflow, **start}]
        if ending:
            subject = {"for": start["for"]} if "for" in start else {}
            story["executions"] = [{"workflow": workflow, **subject, **_with_phase(ending)}]
    return {**story, **told}


def _with_phase(ending: dict[str, Any]) -> dict[str, Any]:
    return {"phase": "faulted" if "error" in ending else "completed", **ending}
