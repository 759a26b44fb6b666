"""Every example on the pages of the language does what its page says, in a Tidemill on a virtual clock."""

import re
from typing import Final

import pytest

from tests.simulation.pages import ROOT, Example, examples
from tests.simulation.world import World
from tidemill import dsl

EXAMPLES: Final = examples()
PLACES: Final = [example.place for example in EXAMPLES]
TASKS: Final = "docs/dsl/tasks.md"


@pytest.mark.parametrize("example", EXAMPLES, ids=PLACES)
async def test_an_example_does_what_its_page_says(example: Example) -> None:
    story = example.played()
    ending, expected = await story.play(World()), story.expected()
    assert ending.effects == expected.effects
    assert ending.executions == expected.executions


@pytest.mark.parametrize("example", EXAMPLES, ids=PLACES)
def test_an_example_is_whole_and_without_errors_and_warnings(example: Example) -> None:
    for text in example.documents:
        document = dsl.load(text)
        assert dsl.check(document) == []
        assert dsl.unsupported(document) == []


def test_each_kind_of_task_has_a_chapter_with_an_example() -> None:
    headings = re.findall(r"^## `(\w+)`$", (ROOT / TASKS).read_text(), re.MULTILINE)
    assert set(headings) == set(dsl.TASK_KINDS)
    shown = {place.rpartition(" ")[2].strip("`") for place in PLACES if place.startswith(TASKS)}
    assert set(headings) <= shown
