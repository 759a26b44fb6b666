"""`tidemill check` on what a real stack has left, killed midway: it proves; spoilt in any way, it refutes."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.checked_load import EFFECTS_A_RUN, EXECUTIONS_A_RUN, OPEN, RUNS, load
from tests.e2e.conftest import sample_settings
from tests.e2e.running import RunningStack
from tests.e2e.tampering import TAMPERINGS, Files, tamper
from tidemill.auditing.check import CheckOptions, check, environment_of
from tidemill.checking.expected import Expectations
from tidemill.checking.invariant import Verdict
from tidemill.checking.report import Report
from tidemill.testing.effects import Temper
from tidemill.testing.provider import Provider

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CALM: Final = Temper(refusing_rate=0, slow_rate=0, silent_rate=0)


@dataclass
class Stored:
    """What a stack has left in its directory, and what somebody outside knows of it."""

    data: Path
    expected: Expectations
    settings: dict[str, str]

    def environment(self, data: Path | None = None) -> dict[str, str]:
        """The environment of a check of these files, or of a copy of them."""
        return environment_of(data or self.data, {**os.environ, **self.settings})

    def check(self, data: Path | None = None, expected: Expectations | None = None) -> Report:
        return check(self.environment(data), CheckOptions(expected=expected))


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    data, expected = tmp_path_factory.mktemp("checked"), Expectations()
    with Provider(CALM) as provider:
        settings = sample_settings() | {"TIDEMILL_ACTIONS_HTTP_HOSTS": provider.hosts("sms.example.com")}
        with RunningStack(data, **settings) as stack:

            async def interrupt() -> None:
                await stack.stack.kill("engine")
                await stack.stack.restart("engine")

            stack.wait(load(stack.client, expected, interrupt))
            stack.until(lambda: provider.effects().made == RUNS * EFFECTS_A_RUN)
            stack.wait(asyncio.sleep(0.5))
            live = check(stack.stack.layout.environment(os.environ), CheckOptions(expected=expected))
        expected.effects.update(provider.effects().by_key)
        expected.actions.add("http")
    assert [found.violations for found in live.found if found.violated] == []
    return Stored(data, expected, sample_settings())


@pytest.mark.timeout(120)
def test_what_a_stack_has_stored_is_proved(stored: Stored) -> None:
    report = stored.check(expected=stored.expected)
    assert [found.violations for found in report.found if found.violated] == []
    assert {found.name for found in report.found if found.verdict is not Verdict.PROVED} == set()
    assert all(found.checked for found in report.found)
    assert report.of("order").notes["commands rejected"] == 1
    assert report.read["executions"] == RUNS * EXECUTIONS_A_RUN + len(OPEN)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("name", "how"),
    [
        pytest.param(name, how, id=f"{name}-{how.__name__}")
        for name, tamperings in TAMPERINGS.items()
        for how in tamperings
    ],
)
def test_what_is_tampered_with_is_refuted(
    stored: Stored, tmp_path: Path, name: str, how: Callable[[Files], None]
) -> None:
    data = tmp_path / "copy"
    shutil.copytree(stored.data, data)
    tamper(data, how)
    report = stored.check(data)
    found = report.of(name)
    assert found.verdict is Verdict.REFUTED, [one.violations for one in report.found if one.violated]
    assert report.first is not None
    assert report.first.evidence


def test_what_the_outside_misses_or_has_too_much_of_is_told(stored: Stored) -> None:
    lost = "00000000-0193d5a0-0000-7000-8000-000000000001"
    key, unseen = list(stored.expected.effects)[:2]
    expected = Expectations(
        starts={lost: ""},
        events={("/test", "never"): 1, ("/test", "go-run-0"): 2},
        effects=stored.expected.effects - Counter([unseen]) + Counter([key, "strange"]),
        actions={"http"},
    )
    sentences = " ".join(one.sentence for one in stored.check(expected=expected).of("expected").violations)
    assert f"the start of {lost} was accepted and is lost" in sentences
    assert "never of /test was taken 0 times, not 1: it is lost" in sentences
    assert "go-run-0 of /test was taken 1 times, not 2" in sentences
    assert f"the effect of {key} was made 2 times" in sentences
    assert "the effect of strange was made, and history never asked for it" in sentences
    assert f"the call {unseen} attempt 1 succeeded, and its effect is missing outside" in sentences


def tidemill(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tidemill.cli", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.timeout(120)
def test_the_command_says_what_it_found(stored: Stored, tmp_path: Path) -> None:
    environment = {**os.environ, **stored.settings}
    starts = tmp_path / "expected.jsonl"
    starts.write_text("\n".join(json.dumps({"start": start}) for start in stored.expected.starts))
    ran = tidemill("check", "--data", str(stored.data), "--expected", str(starts), environment=environment)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.count("proved") == 8
    data = tmp_path / "copy"
    shutil.copytree(stored.data, data)
    tamper(data, TAMPERINGS["order"][0])
    ran = tidemill("check", "--data", str(data), environment=environment)
    assert ran.returncode == 1
    assert "First violation, of order" in ran.stdout
    report: dict[str, Any] = json.loads(
        tidemill("check", "--data", str(data), "--json", environment=environment).stdout
    )
    assert report["holds"] is False
    assert report["first_violation"]["invariant"] == "order"


@pytest.mark.timeout(60)
def test_what_cannot_be_read_is_no_violation(stored: Stored, tmp_path: Path) -> None:
    environment = {**os.environ, **stored.settings}
    ran = tidemill("check", "--data", str(tmp_path / "nowhere"), environment=environment)
    assert ran.returncode == 2
    assert "ledger.db" in ran.stderr
    nonsense = tmp_path / "nonsense.jsonl"
    nonsense.write_text('{"start": "a"}\n{"stop": "b"}\n')
    ran = tidemill("check", "--data", str(stored.data), "--expected", str(nonsense), environment=environment)
    assert ran.returncode == 2
    assert "line 2" in ran.stderr
    only = tidemill("check", "--data", str(stored.data), "--namespace", "other", environment=environment)
    assert (only.returncode, "executions" in only.stdout) == (0, False)
