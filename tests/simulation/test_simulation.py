"""A cluster of real engines in all weathers: a fixed budget of seeds, and some that nobody has played."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIXED_SEEDS = 300
NEW_SEEDS = 100
# Every fault has to have come, or the seeds show less than they seem to.
FAULTS = (
    "action unavailable",
    "actions crash",
    "broken stream",
    "clock jump",
    "clock set back",
    "crash",
    "failed request",
    "fenced commit",
    "graceful stop",
    "half an append",
    "killed in a write",
    "late record",
    "lost answer",
    "lost request",
    "slow page",
    "slow request",
    "stopped process",
    "unknown outcome",
)


def simulate(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.simulation.simulate", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.timeout(600)
def test_nothing_is_lost_doubled_or_out_of_order_whatever_goes_wrong() -> None:
    played = simulate("--seeds", str(FIXED_SEEDS))
    assert played.returncode == 0, played.stdout + played.stderr
    assert f"{FIXED_SEEDS} seeds from 0" in played.stdout
    assert [fault for fault in FAULTS if not re.search(rf"\d {fault}\b", played.stdout)] == []


@pytest.mark.timeout(600)
def test_seeds_that_nobody_has_played_hold_too() -> None:
    played = simulate("--seeds", str(NEW_SEEDS), "--new")
    # The first line says where it began, or which seed has failed and how to play it again.
    assert played.returncode == 0, played.stdout + played.stderr


def test_a_seed_is_the_same_in_every_process() -> None:
    first, second = simulate("--seed", "7", "-v"), simulate("--seed", "7", "-v")
    assert first.returncode == 0, first.stdout
    assert first.stdout == second.stdout
    assert "commits 1 of shard" in first.stdout


def test_a_failing_seed_says_the_one_command_that_repeats_it() -> None:
    found = simulate("--seeds", "40", "--processes", "1", "--mistake", "no-fence")
    assert found.returncode == 1, found.stdout
    violation, again = found.stdout.splitlines()
    name, _, command = again.partition(": ")
    assert name == "again"
    repeated = simulate(*command.split()[3:])
    assert repeated.returncode == 1
    assert repeated.stdout.splitlines()[-1] == violation.partition(": ")[2]
