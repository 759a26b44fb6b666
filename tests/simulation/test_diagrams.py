"""The path of an execution lies on the links of its definition, whatever happened to whatever workflow."""

from collections import Counter
from random import Random

from google.protobuf.timestamp_pb2 import Timestamp

from tests.simulation.reuse import reusing_workflow
from tests.simulation.test_fold import Shape, simulate
from tests.simulation.workflows import workflow
from tests.unit.core.driver import EXECUTION_ID, Driver, document
from tests.unit.diagrams.mermaid_grammar import parse
from tidemill.api.engine.v1 import execution_pb2
from tidemill.api.engine.v1.execution_pb2 import Execution
from tidemill.api.engine.v1.execution_service_pb2 import HistoryEvent
from tidemill.api.events.v1.history_pb2 import HistoryBatch
from tidemill.client.report import task_runs
from tidemill.diagrams.flow import END_NODE, FAULT_NODE, START_NODE, head, links_of
from tidemill.diagrams.mermaid import draw_mermaid
from tidemill.diagrams.path import Path, PathFold, TaskPath
from tidemill.diagrams.reading import outline_of
from tidemill.diagrams.text import draw_text
from tidemill.dsl.task_references import as_written, is_extended_itself

SEEDS = 300
PAGE_EVENTS = 7


def history(driver: Driver) -> list[HistoryEvent]:
    """The stored history, as the Engine's API sends it."""
    batches = [HistoryBatch.FromString(row) for row in driver.rows]
    return [
        HistoryEvent(time=Timestamp(seconds=batch.time_us // 1_000_000), event=event)
        for batch in batches
        for event in batch.events
    ]


def path_of(driver: Driver, events: list[HistoryEvent], fold: PathFold) -> Path:
    """The path, folded in pages."""
    for start in range(0, len(events), PAGE_EVENTS):
        fold.apply(events[start : start + PAGE_EVENTS])
    phase = execution_pb2.ExecutionPhase.Value(f"EXECUTION_PHASE_{driver.phase.name}")
    return fold.finish(Execution(execution_id=EXECUTION_ID, phase=phase))


def check(seed: int, shape: Shape = workflow) -> Counter[str]:
    """Draw one simulated execution; gives what was met on its path."""
    driver = simulate(Random(seed), shape)
    tasks, members = shape(Random(seed))
    outline = outline_of(document(*tasks, **members))
    events = history(driver)
    path = path_of(driver, events, PathFold(outline))
    links = {(link.source, link.target): link for link in links_of(outline)}

    # What a function or an extension does may fail, or end the workflow, wherever that is used.
    leaving = {FAULT_NODE} if shape is workflow else {FAULT_NODE, END_NODE}
    assert {step for step in path.taken if step not in links and step[1] not in leaving} == set()
    reached = Counter[str]()
    for (_, target), count in path.taken.items():
        reached[target] += count
    ends = sum(count for node, count in reached.items() if node == END_NODE)
    assert ends == (driver.phase.name == "COMPLETED")
    last = {
        as_written(run.reference): run.phase
        for run in task_runs(events)
        if not is_extended_itself(run.reference)
    }
    assert {reference: task.phase for reference, task in path.tasks.items()} == last
    for task in outline.tasks():
        been = path.tasks.get(task.reference, TaskPath("running"))
        if task.condition:
            assert reached[head(task)] == been.entered + been.skipped
        if task.kind not in ("for", "listen", "try"):  # rounds and retries come back to these
            assert reached[task.reference] == been.entered

    chart = parse(draw_mermaid(outline, path))
    assert len(chart.nodes) >= len(list(outline.tasks()))
    assert draw_text(outline, path).count("\n") > len(list(outline.tasks()))
    met = Counter[str](link.kind for step, link in links.items() if path.taken.get(step))
    met.update(task.phase for task in path.tasks.values())
    met["several ways"] = sum(step[0] != START_NODE and count > 1 for step, count in path.taken.items())
    return met


def test_the_path_of_a_simulated_execution_lies_on_the_links() -> None:
    met = Counter[str]()
    for seed in range(SEEDS):
        try:
            met.update(check(seed))
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error
    wanted = ("order", "error", "several ways", "completed", "faulted", "cancelled", "skipped", "waiting")
    assert [word for word in wanted if not met[word]] == []


def test_the_path_of_an_execution_with_functions_and_extensions_does_too() -> None:
    met = Counter[str]()
    for seed in range(SEEDS):
        try:
            met.update(check(seed, reusing_workflow))
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error
    assert met["order"]
    assert met["completed"]
