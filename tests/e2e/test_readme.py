"""Every command that the READMEs tell a reader to type does what they say; only ports and places differ."""

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tidemill.stack.layout import Ports
from tidemill.stack.ports import free_ports, is_free

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

ROOT: Final = Path(__file__).parents[2]
BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What goes on until Ctrl-C, and the word that says that it is up.
LASTING: Final = {"tidemill dev": "ready", "python -m tidemill.testing": "takes messages"}
COMMAND_SECONDS_MAX: Final = 60
EXECUTION_ID: Final = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f-]{27}\b")


def blocks(page: str, language: str) -> list[str]:
    return [block[2] for block in BLOCK.finditer((ROOT / page).read_text()) if block[1] == language]


def port_base() -> int:
    """Four ports in a row that are free, as `tidemill dev` wants them."""
    while True:
        base = random.randint(10_240, 30_000)
        if all(is_free(port) for port in Ports.from_base(base).all()):
            return base


class Reader:
    """Types what a page says, in one terminal after the other."""

    def __init__(self, data: Path) -> None:
        self._base = port_base()
        (self._provider_port,) = free_ports(1)
        self._data = data
        self._lasting: list[subprocess.Popen[str]] = []

    def types(self, block: str) -> str:
        """Run a block of commands as it stands; returns what it printed, or that it is up."""
        script = self._moved(block)
        word = next((word for start, word in LASTING.items() if start in block), None)
        return self._run(script) if word is None else self._start(script, word)

    def interrupt_all(self) -> None:
        """Press Ctrl-C in every terminal."""
        for process in reversed(self._lasting):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            process.communicate(timeout=COMMAND_SECONDS_MAX)

    def _moved(self, block: str) -> str:
        """The same commands with other ports and another place for data."""
        dev = f"tidemill dev --port-base {self._base} --data {self._data}"
        return (
            block.replace("tidemill dev", dev)
            .replace(":7403", f":{self._base + 3}")
            .replace("8025", str(self._provider_port))
        )

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TIDEMILL_")}
        path = os.pathsep.join((str(Path(sys.executable).parent), kept.get("PATH", "")))
        return {**kept, "PATH": path, "TIDEMILL_ENGINE": f"127.0.0.1:{self._base}"}

    def _run(self, script: str) -> str:
        ran = subprocess.run(
            ["bash", "-eu", "-c", script],
            cwd=ROOT,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS_MAX,
        )
        assert ran.returncode == 0, f"{script}\n{ran.stdout}{ran.stderr}"
        return ran.stdout

    def _start(self, script: str, word: str) -> str:
        process = subprocess.Popen(
            ["bash", "-eu", "-c", script],
            cwd=ROOT,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self._lasting.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert word in line, script
        return line


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    found = Reader(tmp_path / "data")
    try:
        yield found
    finally:
        found.interrupt_all()


@pytest.mark.parametrize("page", ["README.md", "examples/README.md", "examples/demo/README.md"])
def test_every_make_target_that_is_named_exists(page: str) -> None:
    targets = set(re.findall(r"`make ([\w-]+)", (ROOT / page).read_text()))
    assert "demo" in targets
    subprocess.run(["make", "-n", *sorted(targets)], cwd=ROOT, check=True, capture_output=True)


def test_the_first_workflow_prints_what_the_readme_shows(reader: Reader) -> None:
    first, *_ = blocks("README.md", "sh")
    (shown,) = blocks("README.md", "text")
    # The README has nothing running yet: a private stack is made.
    printed = reader.types(f"unset TIDEMILL_ENGINE\n{first}")
    assert "tidemill run" in first
    for line in shown.splitlines():
        assert line in printed


def test_the_other_commands_of_the_readme_work_one_after_the_other(reader: Reader) -> None:
    _, *others = blocks("README.md", "sh")
    printed = [reader.types(block) for block in others]
    assert "examples/hello:1.0.0" in printed[-1]
    (execution_id,) = set(EXECUTION_ID.findall(printed[-1]))
    for command in ("watch", "get", "history"):
        assert f"`tidemill {command} ID`" in (ROOT / "README.md").read_text()
        reader.types(f"tidemill {command} {execution_id}")
    assert "Hello, Bo!" in reader.types(f"tidemill get {execution_id}")


def test_the_commands_of_the_language_page_work_one_after_the_other(reader: Reader) -> None:
    first, *others = blocks("docs/dsl.md", "sh")
    assert "What a short name." in reader.types(f"unset TIDEMILL_ENGINE\n{first}")
    printed = [reader.types(block) for block in others]
    assert "contact-7" in printed[-1]
    (execution_id,) = set(EXECUTION_ID.findall(printed[-1]))
    for command in ("get", "watch", "history"):
        assert f"`tidemill {command} ID`" in (ROOT / "docs/dsl.md").read_text()
        reader.types(f"tidemill {command} {execution_id}")


def test_the_demo_runs_by_hand_as_its_page_says(reader: Reader) -> None:
    provider, services, commands = blocks("examples/demo/README.md", "sh")
    reader.types(provider)
    reader.types(services)
    printed = reader.types(commands)
    assert '"created":true' in printed
    assert "lead-nurture" in printed
    (lead,) = re.findall(r'"execution_id":"([^"]+)"', printed)
    assert "bookCall" in reader.types(f"tidemill watch {lead}")
    assert '"booked"' in reader.types(f"tidemill get {lead}")
    assert "appointment-reminder" in reader.types("tidemill list")
    again = next(line for line in commands.splitlines() if line.startswith("curl"))
    assert '"created":false' in reader.types(again)
