"""What every command keeps to: one line for an error, an exit code, and a quick start."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Tidemill
from tests.unit.cli.services import Answers
from tidemill.cli import session
from tidemill.cli.failures import describe
from tidemill.client.addresses import Addresses
from tidemill.client.calls import Patience
from tidemill.client.client import Client

COMMANDS = (
    "dev migrate accept-log run validate publish start emit get list history watch show"
    " cancel suspend resume retry eval bench dead-letter namespace"
)
# What --help must not load: each costs more time than all of the rest.
HEAVY = (
    "grpc",
    "google.protobuf",
    "rich",
    "asyncio",
    "ruamel",
    "jsonschema_rs",
    "httpx",
    "structlog",
)


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_names_every_command(tidemill: Tidemill, arguments: tuple[str, ...]) -> None:
    outcome = tidemill(*arguments)
    assert outcome.code == 0
    listed = {line.split()[0] for line in outcome.lines if line.startswith("  ") and line.strip()}
    assert set(COMMANDS.split()) <= listed


@pytest.mark.parametrize("command", COMMANDS.split())
def test_every_command_has_help(tidemill: Tidemill, command: str) -> None:
    outcome = tidemill(command, "--help")
    assert outcome.code == 0
    assert f"Usage: tidemill {command}" in outcome.out


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys; from tidemill.cli.__main__ import run; run(['--help']); "
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stderr == "[]\n"


@pytest.mark.parametrize(
    "arguments", [("no-such-command",), ("get",), ("get", "1", "--no-such-option"), ("dead-letter",)]
)
def test_a_usage_error_is_one_line(tidemill: Tidemill, arguments: tuple[str, ...]) -> None:
    outcome = tidemill(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("\n") == 1


def test_a_service_that_is_not_there_is_named_with_what_to_do(
    tidemill: Tidemill, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nowhere = f"unix:{tmp_path}/nobody"
    addresses = Addresses(nowhere, nowhere, nowhere)
    monkeypatch.setattr(
        session, "client_of_environment", lambda: Client(addresses, patience=Patience(away_seconds=0))
    )
    outcome = tidemill("get", "0-1")
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err.startswith(f"error: cannot reach {nowhere}: ")
    assert "tidemill dev" in outcome.err


def test_a_bad_address_is_named_by_its_variable(tidemill: Tidemill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMILL_ENGINE", "nonsense")
    outcome = tidemill("get", "0-1")
    assert outcome.code == 1
    assert "TIDEMILL_ENGINE is 'nonsense', not host:port" in outcome.err


def test_a_bug_is_one_line_too(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method["ExecutionService/Get"] = []
    outcome = tidemill("get", "0-1")
    assert outcome.code == 1
    assert outcome.err.count("error: ") == 1
    assert "Traceback" not in outcome.err


def test_whatever_an_error_says_is_brought_on_one_line() -> None:
    line, code = describe(ValueError("first\n\tsecond"))
    assert (line, code) == ("this is a bug in tidemill: ValueError: first second", 1)


def test_the_documentation_names_every_command() -> None:
    page = (Path(__file__).parents[3] / "docs/command-line.md").read_text()
    assert [command for command in COMMANDS.split() if f"`{command}" not in page] == []
