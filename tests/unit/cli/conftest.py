"""The command line against services that answer as told."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.cli.services import Answers, serve
from tidemill.cli import session
from tidemill.cli.__main__ import run
from tidemill.client.addresses import Addresses
from tidemill.client.calls import Patience
from tidemill.client.client import Client


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Tidemill = Callable[..., Outcome]


@pytest.fixture
def tidemill(capfd: pytest.CaptureFixture[str]) -> Tidemill:
    """Run one command."""

    def call(*arguments: str) -> Outcome:
        capfd.readouterr()
        code = run(arguments)
        captured = capfd.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    """Fill in what the services answer; the commands find them."""
    found = Answers()
    # A socket's path may be 100 bytes long: pytest's own directories are too deep.
    with tempfile.TemporaryDirectory() as directory, serve(found, Path(directory)) as address:
        addresses = Addresses(address, address, address)
        monkeypatch.setattr(
            session, "client_of_environment", lambda: Client(addresses, patience=Patience(away_seconds=0.2))
        )
        yield found


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TIDEMILL_ENGINE", "TIDEMILL_TRIGGERS", "TIDEMILL_ACTIONS", "TIDEMILL_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)
