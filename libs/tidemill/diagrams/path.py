"""What an execution did, task by task and link by link, folded from its history as that comes in. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tidemill.api.engine.v1.execution_pb2 import Execution
from tidemill.api.engine.v1.execution_service_pb2 import HistoryEvent
from tidemill.api.errors.v1.problem_pb2 import Problem
from tidemill.api.events.v1 import history_pb2
from tidemill.client.plain import phase_name, us_of_timestamp
from tidemill.client.report import RunFold, TaskPhase, TaskRun
from tidemill.diagrams.outline import Outline
from tidemill.diagrams.route import Route
from tidemill.diagrams.words import shortened
from tidemill.dsl.task_references import as_written, is_extended_itself, is_step, with_rounds


@dataclass(slots=True)
class TaskPath:
    """What became of one task. Counts are over the whole life; the rest is that of its last run.

    `first_started_at_us` is None for a task that was only skipped, `ended_at_us` while it is open;
    `due_at_us` is when a wait or a retry is due; `heard` is how many events it has received.
    """

    phase: TaskPhase
    entered: int = 0
    skipped: int = 0
    rounds: int = 0
    caught: int = 0
    heard: int = 0
    attempt: int = 1
    first_started_at_us: int | None = None
    ended_at_us: int | None = None
    due_at_us: int | None = None
    error: str = ""
    child: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it is under way."""
        return self.phase in ("running", "waiting", "suspended")


@dataclass(frozen=True, slots=True)
class Path:
    """What an execution did: its tasks by reference, and how often it went from node to node."""

    execution_id: str
    phase: str
    started_at_us: int
    closed_at_us: int | None
    error: str
    tasks: Mapping[str, TaskPath]
    taken: Mapping[tuple[str, str], int]


class PathFold:
    """Folds a history, event by event; it holds as much as the definition is large."""

    def __init__(self, outline: Outline) -> None:
        self._route = Route(outline)
        # The rounds of a subscription itself are its calls, of which nobody asks.
        self._calls = {task.reference for task in outline.tasks() if task.kind == "call"}
        self._runs = RunFold()
        self._last_runs: dict[str, TaskRun] = {}
        self._tasks: dict[str, TaskPath] = {}

    def apply(self, events: Iterable[HistoryEvent]) -> None:
        """Fold the next events."""
        for event in events:
            self._route.apply(event.event)
            self._runs.apply(event)
            # A run goes on changing where it is open, but only the last one of a task is of interest; of an
            # extended task that of the whole.
            self._last_runs.update(
                (as_written(run.reference), run)
                for run in self._runs.runs
                if not is_extended_itself(run.reference) and not is_step(run.reference)
            )
            self._runs.runs.clear()
            self._note(event.event, us_of_timestamp(event.time))

    def finish(self, execution: Execution) -> Path:
        """The path of the execution, which was read after its history."""
        self._runs.finish()
        for reference, run in self._last_runs.items():
            task = self._of(reference)
            task.phase, task.ended_at_us = run.phase, run.ended_at_us
            task.due_at_us = task.due_at_us if task.is_open else None
        return Path(
            execution.execution_id,
            phase_name(execution.phase),
            us_of_timestamp(execution.started_at),
            us_of_timestamp(execution.closed_at) if execution.HasField("closed_at") else None,
            _words(execution.error) if execution.HasField("error") else "",
            self._tasks,
            self._route.finish(),
        )

    def _of(self, reference: str) -> TaskPath:
        return self._tasks.setdefault(as_written(reference), TaskPath("running"))

    def _note(self, event: history_pb2.Event, time_us: int) -> None:
        match event.WhichOneof("kind"):
            case "task_started" if not is_step(event.task_started.reference):
                self._start(event.task_started, time_us)
            case "task_skipped":
                self._of(event.task_skipped.reference).skipped += 1
            case "task_faulted" if not is_step(event.task_faulted.reference):
                self._of(event.task_faulted.reference).error = _words(event.task_faulted.error)
            case "round_started" if as_written(event.round_started.reference) not in self._calls:
                self._of(with_rounds(event.round_started.reference)).rounds += 1
            case "error_caught":
                task = self._of(event.error_caught.reference)
                task.caught += 1
                task.due_at_us = event.error_caught.retry_at_us or None
            case "task_retried":
                self._of(event.task_retried.reference).due_at_us = None
            case "event_received" if event.event_received.reference:
                self._of(event.event_received.reference).heard += 1
            case "slot_granted":
                self._of(event.slot_granted.reference).due_at_us = event.slot_granted.due_at_us
            case _:
                pass

    def _start(self, started: history_pb2.TaskStarted, time_us: int) -> None:
        task = self._of(started.reference)
        task.entered += not is_extended_itself(started.reference)
        task.attempt = max(started.attempt, 1)
        task.error = ""
        if task.first_started_at_us is None:
            task.first_started_at_us = time_us
        task.due_at_us = started.due_at_us if started.WhichOneof("detail") == "due_at_us" else None
        task.child = started.child.execution_id if started.WhichOneof("detail") == "child" else ""


def _words(problem: Problem) -> str:
    """The status and the title of an error, or where it has none the last part of its type."""
    title = problem.title or problem.type.rstrip("/").rpartition("/")[2]
    return shortened(f"{problem.status or ''} {title}".strip())
