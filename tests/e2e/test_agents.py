"""MCP servers and agents through the whole stack: examples that are written down, and programs that end."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.beside import listening
from tests.e2e.documents import named
from tests.e2e.running import RunningStack
from tests.processes import runs
from tidemill.json import Json
from tidemill.stack.ports import free_ports

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with RunningStack(tmp_path_factory.mktemp("stack")) as running:
        yield running


def section(name: str) -> dict[str, str]:
    """The first block of each language in a section of the page."""
    page = (ROOT / "docs" / "calls.md").read_text()
    [text] = re.findall(rf"^## {name}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    blocks: dict[str, str] = {}
    for language, block in re.findall(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        blocks.setdefault(language, block)
    return blocks


@pytest.mark.parametrize(
    ("name", "written_port", "given", "expected"),
    [
        ("MCP", 8000, {"name": "Ada"}, "Hello, Ada!"),
        ("A2A", 9999, {"text": "Good morning"}, "You said: Good morning"),
    ],
)
def test_the_example_of_the_page_does_what_it_says(
    stack: RunningStack, name: str, written_port: int, given: Json, expected: str
) -> None:
    [port] = free_ports(1)
    blocks = section(name)
    code, document = (
        blocks[language].replace(str(written_port), str(port)) for language in ("python", "yaml")
    )
    with listening([sys.executable, "-c", code], port):
        report = stack.run(document, given)
    assert report.output == expected, report.error


@pytest.mark.parametrize("is_killed", [False, True], ids=["stops", "dies"])
def test_a_program_ends_with_its_service(tmp_path: Path, is_killed: bool) -> None:
    noted = tmp_path / "pid"
    # Deaf to all but what nobody can be deaf to, its input among that.
    code = f"""
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open({str(noted)!r} + ".new", "w").write(str(os.getpid()))
os.rename({str(noted)!r} + ".new", {str(noted)!r})
time.sleep(3600)
"""
    stdio = {"command": sys.executable, "arguments": ["-c", code]}
    body = f"""
        do:
        - ask: {{call: mcp, with: {{method: tools/list, transport: {{stdio: {json.dumps(stdio)}}}}}}}
    """
    settings = {"TIDEMILL_ACTIONS_MCP_STDIO": "true", "TIDEMILL_ACTIONS_DRAIN_US_MAX": "300000"}
    with RunningStack(tmp_path / "stack", **settings) as stack:
        stack.start(stack.publish(named("deaf", body)))
        stack.until(noted.exists)
        pid = int(noted.read_text())
        assert runs(pid)
        if is_killed:
            stack.wait(stack.stack.kill("actions"))
            stack.until(lambda: not runs(pid))
    assert not runs(pid)
