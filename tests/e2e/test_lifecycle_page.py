"""What the page on lifecycle events shows is what is printed; only times and ids differ."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.test_readme import EXECUTION_ID, ROOT, Reader, blocks
from tidemill.engine.lifecycle import types

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

PAGE: Final = "docs/lifecycle-events.md"
TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    found = Reader(tmp_path / "data")
    try:
        yield found
    finally:
        found.interrupt_all()


def plain(text: str) -> list[list[str]]:
    """The words of each line, without its time, and every execution by the same word."""
    return [EXECUTION_ID.sub("ID", TIME.sub("", line)).split() for line in text.splitlines()]


def test_the_example_prints_what_the_page_shows(reader: Reader) -> None:
    commands, *_ = blocks(PAGE, "sh")
    (shown,) = blocks(PAGE, "text")
    reader.types("tidemill dev")
    printed = reader.types(commands)
    assert plain(printed)[-11:] == plain(shown)


def test_every_type_stands_on_the_page_and_no_other() -> None:
    table = [
        line.split("|")[1]
        for line in (ROOT / PAGE).read_text().splitlines()
        if line.startswith(("| `workflow", "| `task", "| `tidemill"))
    ]
    named = {name for cell in table for name in re.findall(r"`([^`]+)`", cell)}
    whole = {name if name.startswith("tidemill.") else f"io.serverlessworkflow.{name}.v1" for name in named}
    assert whole == types.ALL_TYPES


def test_the_event_that_is_shown_names_its_execution_throughout() -> None:
    (shown,) = blocks(PAGE, "json")
    event = json.loads(shown)
    assert event["type"] in types.ALL_TYPES
    assert event["id"].startswith(f"{event['subject']}/")
    assert event["data"]["name"] == f"cart-{event['subject']}.shop"
