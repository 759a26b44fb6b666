"""The command for the suite: what it says before anything starts, and what it makes of outcomes."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Tidemill
from tidemill.bench import suite
from tidemill.bench.scenario import Scenario
from tidemill.bench.scenarios.timers import Timers
from tidemill.bench.suite import Outcome
from tidemill.bench.summary import Summary


def found(ratio: float, faults: Sequence[str] = ()) -> Outcome:
    return Outcome(Timers(), "fsync", 1, {"herd": {"probe_p99_ratio": Summary(ratio, ratio, ratio)}}, faults)


@pytest.fixture
def outcome(monkeypatch: pytest.MonkeyPatch) -> list[Outcome]:
    """Put in it what the suite is to come to."""
    outcomes: list[Outcome] = []

    async def run_suite(scenarios: Sequence[Scenario], *_: object, runs: int) -> list[Outcome]:
        assert [scenario.name for scenario in scenarios] == ["timers"]
        assert runs == 1
        return outcomes

    monkeypatch.setattr(suite, "run_suite", run_suite)
    return outcomes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--scenario", "nothing"), "there is no scenario nothing"),
        (("--scenario", "starts", "--set", "starts.executions=many"), "not a number"),
        (("--report", "performance"), "--scenario short"),
        (("--runs", "3"), "--scenario short"),
    ],
)
def test_what_cannot_be_run_is_said_at_once(
    tidemill: Tidemill, arguments: Sequence[str], message: str
) -> None:
    done = tidemill("bench", *arguments)
    assert done.code == 1
    assert message in done.err


def test_results_are_printed_and_written(tidemill: Tidemill, outcome: list[Outcome], tmp_path: Path) -> None:
    outcome.append(found(1.5))
    report = tmp_path / "performance"
    done = tidemill("bench", "--scenario", "timers", "--report", str(report), "--json")
    assert done.code == 0, done.err
    (result,) = json.loads(done.out)["results"]
    assert (result["scenario"], result["stack"], result["durability"]) == ("timers", "embedded", "fsync")
    assert result["command"] == "tidemill bench --scenario timers --runs 1"
    assert json.loads(report.with_suffix(".json").read_text())["results"] == [result]
    assert "1.5, met" in report.with_suffix(".md").read_text()
    assert report.with_suffix(".png").exists()


def test_people_get_tables(tidemill: Tidemill, outcome: list[Outcome]) -> None:
    outcome.append(found(1.5))
    assert "| probe_p99_ratio | 1.5 |" in tidemill("bench", "--scenario", "timers").lines


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [(found(2.5), "probe_p99_ratio missed its target"), (found(1.5, ["one is lost"]), "one is lost")],
)
def test_what_is_lost_and_what_is_missed_fails_after_the_report(
    tidemill: Tidemill, outcome: list[Outcome], tmp_path: Path, bad: Outcome, sentence: str
) -> None:
    outcome.append(bad)
    report = tmp_path / "performance"
    done = tidemill("bench", "--scenario", "timers", "--report", str(report))
    assert done.code == 1
    assert f"timers: {sentence}" in done.err
    assert report.with_suffix(".md").exists()
