"""docker-compose.yml as `make stack` runs it: it comes up, works, is kept up, and is gone at the end."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import missing_is_told
from tidemill.testing.servers.family import family
from tidemill.testing.servers.jars import java, kafka_jars

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[2]
SECONDS_MAX = 90.0


class Stack:
    """`python -m tidemill.testing.compose up`, on free ports, and what it says."""

    def __init__(self, data: Path) -> None:
        self._said = data / "said.txt"
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tidemill.testing.compose", "--free-ports", "up"],
                cwd=ROOT,
                env=inherited(),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        return self._said.read_text()

    def until_said(self, words: str) -> None:
        until(lambda: words in self.said() or self.process.poll() is not None)
        assert words in self.said(), self.said()

    def address(self, name: str, port: int) -> str:
        """Where a port of a container is; the line is `engine-1 is up: 7400 at 12345, ...`."""
        found = re.search(rf"^{name} is up:.* {port} at (\d+)", self.said(), re.MULTILINE)
        assert found is not None, self.said()
        return f"127.0.0.1:{found[1]}"

    def pid(self, module: str) -> int:
        """The process that runs the module."""
        (pid,) = [
            pid for pid in family(self.process.pid) if command_of(pid)[1:] == ["-m", f"tidemill.{module}"]
        ]
        return pid

    def tidemill(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        addresses = {
            "TIDEMILL_ENGINE": self.address("engine-1", 7400),
            "TIDEMILL_TRIGGERS": self.address("triggers-1", 7401),
            "TIDEMILL_ACTIONS": self.address("actions-1", 7402),
        }
        return subprocess.run(
            [sys.executable, "-m", "tidemill.cli", *arguments],
            cwd=ROOT,
            env={**inherited(), **addresses},
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS_MAX,
        )


def inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("TIDEMILL_")}


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def command_of(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with missing_is_told():
        java()
        kafka_jars()
    stack = Stack(tmp_path)
    yield stack
    if stack.process.poll() is None:
        stack.process.send_signal(signal.SIGINT)
    stack.process.wait(SECONDS_MAX)


def test_the_compose_file_comes_up_works_and_goes(stack: Stack) -> None:
    stack.until_said("everything is up")
    first = stack.tidemill("run", "examples/hello.yaml", "--input", '{"name": "Ada"}', "--json")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "Hello, Ada! What a short name." in first.stdout

    with urllib.request.urlopen(f"http://{stack.address('engine-1', 9464)}/metrics", timeout=10) as page:
        assert b"tidemill_" in page.read()

    engine = stack.pid("engine")
    os.kill(engine, signal.SIGKILL)
    stack.until_said("engine-1 has ended and is started again")
    until(lambda: stack.tidemill("list", "--json").returncode == 0)
    assert stack.pid("engine") != engine
    listed = stack.tidemill("list", "--json")
    assert '"hello"' in listed.stdout, listed.stdout + listed.stderr

    members = family(stack.process.pid)
    stack.process.send_signal(signal.SIGINT)
    assert stack.process.wait(SECONDS_MAX) == 130, stack.said()
    until(lambda: not any(command_of(pid) for pid in members))
    (data,) = re.findall(r"logs and data are in (\S+)", stack.said())
    assert not Path(data).exists()
