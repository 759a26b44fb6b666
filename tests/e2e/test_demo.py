"""The demo as `make demo` runs it, with fewer events."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(180)
def test_the_demo_says_what_it_does_and_loses_and_doubles_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "examples.demo", "--events", "100", "--seed", "3"]
    # Wide enough that no line is broken; what is left on failure goes where the test's other files go.
    environment = {"COLUMNS": "300", "TMPDIR": str(tmp_path)}
    ran = subprocess.run(
        command, cwd=ROOT, env={**_inherited(), **environment}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for words in (
        "three processes",
        "Published 3 workflows",
        "Sending 100 events to Triggers, 10 of them twice",
        "Killed the Engine with SIGKILL",
        "Started the Engine again",
        "Nothing was lost and nothing was done twice.",
    ):
        assert words in ran.stdout
    figures = dict(_figures(ran.stdout))
    assert figures["executions completed"] == figures["executions wanted"]
    assert figures["effects made"] == figures["effects wanted"]
    assert (figures["duplicates"], figures["lost"]) == ("0", "0")
    assert list(tmp_path.iterdir()) == []


def _inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("TIDEMILL_")}


def _figures(printed: str) -> list[tuple[str, str]]:
    """The rows of the table: a name of words with single spaces, then the value."""
    rows = [line.strip().split("  ") for line in printed.splitlines() if line.startswith("  ")]
    return [
        (cells[0], next(cell.strip() for cell in cells[1:] if cell.strip()))
        for cells in rows
        if any(cells[1:])
    ]
