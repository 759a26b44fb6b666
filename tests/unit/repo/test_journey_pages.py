"""The page of each journey in `examples/` shows its workflows as they are, and says all there is to type."""

import re
from pathlib import Path
from typing import Final

import pytest

from tidemill import dsl
from tidemill.diagrams.mermaid import draw_mermaid
from tidemill.diagrams.reading import outline_of
from tidemill.diagrams.text import draw_text

EXAMPLES: Final = Path(__file__).parents[3] / "examples"
BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FOLDERS: Final = sorted(path.parent.name for path in EXAMPLES.glob("*/story.yaml"))


def documents(folder: str) -> list[Path]:
    return [path for path in (EXAMPLES / folder).glob("*.yaml") if path.name != "story.yaml"]


def page(folder: str) -> str:
    return (EXAMPLES / folder / "README.md").read_text()


def blocks(folder: str, language: str) -> list[str]:
    return [block[2] for block in BLOCK.finditer(page(folder)) if block[1] == language]


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_diagrams_are_those_of_the_workflows(folder: str) -> None:
    outlines = [outline_of(dsl.load(path.read_bytes())) for path in documents(folder)]
    assert sorted(blocks(folder, "mermaid")) == sorted(draw_mermaid(outline, None) for outline in outlines)
    assert all(draw_text(outline, None).endswith("end\n") for outline in outlines)


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_commands_publish_each_workflow(folder: str) -> None:
    _, commands = blocks(folder, "sh")
    for path in documents(folder):
        assert f"tidemill publish examples/{folder}/{path.name}\n" in commands


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_index_leads_to_each_journey(folder: str) -> None:
    assert f"[{folder}]({folder}/README.md)" in (EXAMPLES / "README.md").read_text()


def test_all_start_the_same_services() -> None:
    assert len({blocks(folder, "sh")[0] for folder in FOLDERS}) == 1
