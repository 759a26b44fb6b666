"""Each journey in `examples/` goes on real processes as its page says."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from tests.e2e.test_readme import Reader, blocks

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

SECONDS_MAX: Final = 60
POLL_SECONDS: Final = 0.2
# Workflow, subject and phase of an execution.
Endings: TypeAlias = set[tuple[str, str | None, str]]
# What the commands of each page come to, and what was sent on the way.
ENDINGS: Final[dict[str, Endings]] = {
    "lead-nurture": {("lead-nurture", "ada", "completed")},
    "abandoned-cart": {("abandoned-cart", "b1", "cancelled"), ("abandoned-cart", "b2", "waiting")},
    "appointment-reminder": {("appointment-reminder", "c1", "completed")},
    "birthday": {("birthdays", None, "completed"), ("birthday-greeting", "kim", "completed")},
    "lead-routing": {("lead-routing", "americas", "completed"), ("lead-routing", "americas", "waiting")},
}
SENT: Final[dict[str, list[tuple[str, str]]]] = {
    "lead-nurture": [("mail", "ada@example.com")],
    "abandoned-cart": [],
    "appointment-reminder": [],
    "birthday": [("mail", "kim@example.com")],
    "lead-routing": [("notice", "alan"), ("notice", "amy")],
}


class Terminal:
    """Types what a page says, with the example database in a place of its own."""

    def __init__(self, reader: Reader, data: Path) -> None:
        self._reader = reader
        self._data = data

    def types(self, block: str) -> str:
        return self._reader.types(block.replace(".tidemill/crm.json", str(self._data / "crm.json")))

    def executions(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.types("tidemill list --json").splitlines()]

    def endings(self) -> Endings:
        return {(each["workflow"], each["subject"], each["phase"]) for each in self.executions()}

    def until(self, *endings: Endings) -> Endings:
        """Return once the executions are one of these."""
        deadline = time.monotonic() + SECONDS_MAX
        while (found := self.endings()) not in endings:
            assert time.monotonic() < deadline, found
            time.sleep(POLL_SECONDS)
        return found

    def sent(self) -> list[tuple[str, str]]:
        file = self._data / "crm.json"
        books = json.loads(file.read_text()) if file.exists() else {}
        messages = books.get("journeys", {}).get("messages", [])
        return sorted((message["channel"], message["to"]) for message in messages)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    reader = Reader(tmp_path / "data")
    try:
        yield Terminal(reader, tmp_path)
    finally:
        reader.interrupt_all()


@pytest.mark.parametrize("journey", ENDINGS)
def test_a_journey_goes_as_its_page_says(journey: str, terminal: Terminal) -> None:
    services, commands = blocks(f"examples/{journey}/README.md", "sh")
    terminal.types(services)
    terminal.types(commands)
    terminal.until(ENDINGS[journey])
    assert terminal.sent() == SENT[journey]


def test_an_inactive_contact_gets_one_mail_or_can_still_come_back(terminal: Terminal) -> None:
    services, commands = blocks("examples/re-engagement/README.md", "sh")
    terminal.types(services)
    terminal.types(commands)
    mailed: Endings = {("re-engagement", "eve", "completed")}
    back: Endings = {("re-engagement", "eve", "cancelled")}
    # Which of them depends on what the clocks in Berlin show.
    waiting: Endings = {("re-engagement", "eve", "waiting")}
    terminal.until(mailed, waiting)
    terminal.types("tidemill emit --namespace journeys --type com.example.contact.active --subject eve")
    is_mailed = terminal.until(mailed, back) == mailed
    assert terminal.sent() == ([("mail", "eve@example.com")] if is_mailed else [])
