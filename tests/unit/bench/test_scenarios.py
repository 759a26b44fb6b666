"""The parts of scenarios that need no stack: choosing, open loops, rates of samples, documents."""

import asyncio
import json
import time
from pathlib import Path

import pytest

from tidemill import dsl
from tidemill.bench.choosing import ChoiceError, chosen
from tidemill.bench.figures import latencies, rates
from tidemill.bench.listening import Listeners
from tidemill.bench.pacing import offer
from tidemill.bench.processes import written_bytes
from tidemill.bench.result import Load
from tidemill.bench.sampling import Memory, Steps
from tidemill.bench.scenario import MeasureError
from tidemill.bench.scenarios import SCENARIOS, SHORT
from tidemill.bench.scenarios.timers import Timers
from tidemill.bench.suite import parameters_of
from tidemill.bench.workflows import Workflow, stepped, trivial


def names(*wanted: str) -> list[str]:
    return [scenario.name for scenario in chosen(wanted)]


def test_scenarios_are_chosen_by_name_and_group_in_their_own_order() -> None:
    assert names("steps", "throughput") == ["throughput", "steps"]
    assert names("all") == list(SCENARIOS)
    assert names("short", "idle") == [*SHORT, "idle"]


def test_every_scenario_says_what_it_measures_and_has_positive_parameters() -> None:
    for scenario in chosen(["all"]):
        assert type(scenario).__doc__
        assert all(value > 0 for value in parameters_of(scenario).values())


def test_parameters_change_a_scenario() -> None:
    (timers,) = chosen(["timers"], ["timers.executions=1_000", "timers.before_seconds=2.5"])
    assert timers == Timers(executions=1000, before_seconds=2.5)


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ("timers.many=1", "has no parameter many, only executions"),
        ("steps.steps_in_all=1", "no chosen scenario is called steps"),
        ("timers.executions=1.5", "not a number that executions can be"),
        ("timers.executions=0", "must be above 0"),
        ("nonsense", "no chosen scenario is called nonsense"),
    ],
)
def test_a_parameter_that_is_none_is_refused(parameter: str, message: str) -> None:
    with pytest.raises(ChoiceError, match=message):
        chosen(["timers"], [parameter])


def test_a_scenario_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(ChoiceError, match=r"no scenario nothing, only throughput, .*all"):
        chosen(["nothing", "steps"])


def test_figures_are_rates_and_costs() -> None:
    load = Load(seconds=2.0, cpu_seconds={"engine": 1.0, "actions": 0.5}, peak_rss_mb={})
    assert rates(load, executions=100, steps=500) == {
        "steps_per_s": 250.0,
        "executions_per_s": 50.0,
        "cpu_s_per_1k_steps": 3.0,
        "cpu_s_per_1k_steps.engine": 2.0,
        "cpu_s_per_1k_steps.actions": 1.0,
    }
    assert latencies([3.0, 1.0, 2.0]) == {"p50_ms": 2.0, "p99_ms": 3.0}
    with pytest.raises(MeasureError):
        latencies([])


def test_steps_have_a_rate_within_a_window() -> None:
    steps = Steps([(0.0, 0), (1.0, 100), (2.0, 100), (3.0, 300), (4.0, 500)])
    assert steps.made == 500
    assert steps.rate(0, 4) == 125.0
    assert steps.rate(2, 4) == 200.0
    assert steps.rate(3.5, 9) == 0.0
    assert steps.reached(200, after=0.5, window_seconds=1) == 2.0
    assert steps.reached(100, after=0, window_seconds=1) == 0.0
    assert steps.reached(201, after=0, window_seconds=1) is None
    assert Steps().made == 0


def test_memory_keeps_its_most_and_its_last() -> None:
    memory = Memory(5.0, 5.0, 5.0)
    for held in (9.0, 7.0):
        memory.see(held)
    assert (memory.start_mb, memory.max_mb, memory.end_mb) == (5.0, 9.0, 7.0)


async def test_an_open_loop_offers_what_is_due_whatever_becomes_of_it() -> None:
    sent: list[int] = []

    async def send(count: int) -> None:
        sent.append(count)
        # An answer that takes longer than all of the offering.
        await answered.wait()

    answered = asyncio.Event()
    asyncio.get_running_loop().call_later(0.2, answered.set)
    begun = time.perf_counter()
    offered = await offer(send, per_s=1_000, seconds=0.1)
    assert offered == sum(sent)
    assert len(sent) > 1
    assert offered <= 1_000 * (time.perf_counter() - begun)


@pytest.mark.parametrize(
    "workflow",
    [
        stepped("stepped", 3),
        trivial("trivial"),
        Listeners("subject").workflow,
        Listeners("value", by_value=True).workflow,
    ],
    ids=lambda workflow: workflow.name,
)
def test_workflows_are_documents_that_run(workflow: Workflow) -> None:
    document = dsl.load(workflow.document())
    # That one without a subject would hear all of the type is only a warning: ours have subjects.
    assert [problem for problem in dsl.check(document) if problem.severity == "error"] == []
    assert dsl.unsupported(document) == []


def test_a_start_has_the_workflows_input_and_more() -> None:
    start = stepped("stepped", 1, payload_bytes=3).start(subject="s", more={"number": 7})
    assert json.loads(start.input.data) == {"payload": "xxx", "number": 7}
    assert start.subject == "s"


def test_what_a_process_has_written_is_read_where_it_may_be(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "io").write_text("wchar: 9\nwrite_bytes: 4096\ncancelled_write_bytes: 1\n")
    assert written_bytes({"engine": 7, "gone": 8}, {}, proc=tmp_path) == {"engine": 4096, "gone": 0}
