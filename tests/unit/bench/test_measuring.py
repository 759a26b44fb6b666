"""The figures of the benchmark, and where they come from."""

import json
import os
from pathlib import Path

import pytest

from tidemill.bench.effects import counter_sum, effects_of
from tidemill.bench.processes import cpu_seconds, peak_rss_mb
from tidemill.bench.result import Load, Result, percentile
from tidemill.bench.workload import Workload

METRICS = """
# HELP tidemill_actions_calls_total Calls.
# TYPE tidemill_actions_calls_total counter
tidemill_actions_calls_total{action="a",state="succeeded"} 10.0
tidemill_actions_calls_total{action="b",state="failed"} 2.0
tidemill_actions_calls_total_other 99.0
tidemill_actions_record_answers_total 3.0
"""


@pytest.mark.parametrize(
    ("percent", "value"), [(0, 1), (1, 1), (50, 5), (50.1, 6), (90, 9), (99, 10), (100, 10)]
)
def test_a_percentile_is_the_nearest_rank(percent: float, value: int) -> None:
    assert percentile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], percent) == value


def test_effects_are_the_calls_that_ran() -> None:
    assert effects_of(METRICS) == 9
    assert counter_sum(METRICS, "absent_total") == 0


def test_the_cost_of_a_process_is_read_past_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "7"
    folder.mkdir()
    ticks = os.sysconf("SC_CLK_TCK")
    (folder / "stat").write_text(f"7 (a ) b) S {' '.join(['0'] * 10)} {ticks} {2 * ticks} 9 9")
    (folder / "status").write_text("Name:\ta\nVmHWM:\t  2048 kB\n")
    assert cpu_seconds({"engine": 7}, proc=tmp_path) == {"engine": 3.0}
    assert peak_rss_mb({"engine": 7}, proc=tmp_path) == {"engine": 2.0}


def test_the_result_has_the_promised_keys_and_rates() -> None:
    load = Load(seconds=2.0, cpu_seconds={"engine": 1.0, "actions": 0.5}, peak_rss_mb={"engine": 60.5})
    workload = Workload(executions=100, steps=5)
    result = Result(workload=workload, alone_ms=[1.0, 3.0, 2.0], load=load, durability="fsync")
    assert result.to_json() == {
        "executions_per_s": 50.0,
        "steps_per_s": 250.0,
        "p50_ms": 2.0,
        "p99_ms": 3.0,
        "cpu_s_per_1k_steps": {"total": 3.0, "engine": 2.0, "actions": 1.0},
        "peak_rss_mb": {"engine": 60.5},
        "durability": "fsync",
        "checked": True,
        "executions": 100,
        "steps": 5,
        "payload_bytes": 200,
    }


def test_any_fault_makes_a_result_unchecked() -> None:
    load = Load(seconds=1.0, cpu_seconds={}, peak_rss_mb={})
    result = Result(workload=Workload(), alone_ms=[1.0], load=load, durability="", faults=["one is lost"])
    assert not result.checked


def test_the_workload_has_as_many_steps_and_bytes_as_asked_for() -> None:
    workflow = Workload(steps=3, payload_bytes=7).workflow("loaded")
    document = json.loads(workflow.document())
    assert [next(iter(task)) for task in document["do"]] == ["step1", "step2", "step3"]
    assert json.loads(workflow.start().input.data) == {"payload": "x" * 7}
