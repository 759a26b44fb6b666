"""What an execution did, folded from its history: each run of each task, with its phase and times. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from tidemill.api.engine.v1.execution_pb2 import Execution
from tidemill.api.engine.v1.execution_service_pb2 import HistoryEvent
from tidemill.api.events.v1 import history_pb2
from tidemill.api.events.v1.command_pb2 import EXECUTION_KIND_TRIGGER
from tidemill.client.plain import payload_value, phase_name, problem_value, rfc3339, us_of_timestamp
from tidemill.client.waits import WaitFold
from tidemill.json import Json

TaskPhase = Literal["running", "waiting", "suspended", "cancelled", "faulted", "completed", "skipped"]

# What a task waits for without anything being done outside: a time, events, a child's end, a slot.
_WAITS: Final = ("due_at_us", "listening", "child", "slot")


@dataclass(slots=True)
class TaskRun:
    """One run of one task. `ended_at_us` is None while it is open."""

    reference: str
    started_at_us: int
    phase: TaskPhase = "running"
    ended_at_us: int | None = None
    waits_for: Json = None

    @property
    def name(self) -> str:
        """The task's name: the last segment of its reference, unescaped (RFC 6901)."""
        return self.reference.rpartition("/")[2].replace("~1", "/").replace("~0", "~")

    def to_json(self) -> Json:
        """As the command line prints it."""
        return {
            "name": self.name,
            "reference": self.reference,
            "phase": self.phase,
            "started_at": rfc3339(self.started_at_us),
            "ended_at": None if self.ended_at_us is None else rfc3339(self.ended_at_us),
            "waits_for": self.waits_for,
        }


def execution_summary(execution: Execution) -> dict[str, Json]:
    """An execution without its tasks, as `list --json` prints it; every key is always there."""
    closed = execution.HasField("closed_at")
    return {
        "execution_id": execution.execution_id,
        "namespace": execution.namespace,
        "workflow": execution.workflow,
        "version": execution.version,
        "subject": execution.subject or None,
        "kind": "trigger" if execution.kind == EXECUTION_KIND_TRIGGER else "workflow",
        "parent_execution_id": execution.parent_execution_id or None,
        "phase": phase_name(execution.phase),
        "started_at": rfc3339(us_of_timestamp(execution.started_at)),
        "closed_at": rfc3339(us_of_timestamp(execution.closed_at)) if closed else None,
        "output": payload_value(execution.output),
        "error": problem_value(execution.error) if execution.HasField("error") else None,
        "reason": execution.reason or None,
    }


def execution_report(execution: Execution, events: Iterable[HistoryEvent]) -> dict[str, Json]:
    """The object that `get --json` and `run --json` print; `events` is the whole history in order."""
    return {
        **execution_summary(execution),
        "tasks": [run.to_json() for run in task_runs(events)],
    }


def task_runs(events: Iterable[HistoryEvent]) -> list[TaskRun]:
    """Every run of every task, in start order; those that are open with what they wait for."""
    fold, waits = RunFold(), WaitFold()
    for event in events:
        fold.apply(event)
        waits.apply(event)
    runs = fold.finish()
    for run in runs:
        if run.ended_at_us is None:
            run.waits_for = waits.of(run.reference)
    return runs


@dataclass(slots=True)
class RunFold:
    """The runs so far. A reference has at most one open run: rounds and retries of one task never overlap."""

    runs: list[TaskRun] = field(default_factory=list)
    open: dict[str, TaskRun] = field(default_factory=dict)
    waits: set[str] = field(default_factory=set)
    suspended: bool = False
    # The task that ended last: whatever closes a scope from within closes the scopes around this one in the
    # same way, and ends all else from outside.
    last_ended: str = ""
    # Runs that a fault of the whole execution closed: its frames are kept, and what an operator's retry
    # enters again goes on inside them.
    halted: list[TaskRun] = field(default_factory=list)

    def apply(self, event: HistoryEvent) -> None:
        """Fold one event; kinds that say nothing about a task's life change nothing."""
        time_us = us_of_timestamp(event.time)
        kind = event.event.WhichOneof("kind") or ""
        if kind.startswith("execution_"):
            self._apply_to_execution(kind, time_us)
        else:
            self._apply_to_task(event.event, time_us)

    def _apply_to_task(self, event: history_pb2.Event, time_us: int) -> None:
        match event.WhichOneof("kind"):
            case "task_started":
                self._start(event.task_started, time_us)
            case "task_skipped":
                self.runs.append(TaskRun(event.task_skipped.reference, time_us, "skipped", time_us))
            case "task_completed":
                self._end(event.task_completed.reference, "completed", time_us)
            case "task_faulted":
                self._end(event.task_faulted.reference, "faulted", time_us)
            case "task_cancelled":
                self._end(event.task_cancelled.reference, "cancelled", time_us)
            case "error_caught":
                self._catch(event.error_caught, time_us)
            case "task_retried":
                self.waits.discard(event.task_retried.reference)
            case _:
                pass

    def _apply_to_execution(self, kind: str, time_us: int) -> None:
        match kind:
            case "execution_completed":
                self._close_below("", "completed", time_us)
            case "execution_cancelled":
                self._close_below("", "cancelled", time_us)
            case "execution_faulted":
                self.halted = list(self.open.values())
                self._close_below("", "faulted", time_us)
            case "execution_suspended" | "execution_resumed":
                self.suspended = kind == "execution_suspended"
            case _:
                pass

    def finish(self) -> list[TaskRun]:
        """The runs, with those that are still open in the phase that they are in."""
        for reference, run in self.open.items():
            run.phase = "suspended" if self.suspended else self._open_phase(reference)
        return self.runs

    def _start(self, started: history_pb2.TaskStarted, time_us: int) -> None:
        self._reopen_around(started.reference)
        run = TaskRun(started.reference, time_us)
        self.runs.append(run)
        self.open[started.reference] = run
        if started.WhichOneof("detail") in _WAITS:
            self.waits.add(started.reference)

    def _end(self, reference: str, phase: TaskPhase, time_us: int) -> None:
        self._close_below(reference + "/", "cancelled", time_us)
        self._close(reference, phase, time_us)
        if phase != "cancelled":
            self.last_ended = reference

    def _catch(self, caught: history_pb2.ErrorCaught, time_us: int) -> None:
        self._close_below(caught.reference + "/", "faulted", time_us)
        if caught.retry:
            self.waits.add(caught.reference)

    def _close_below(self, prefix: str, phase: TaskPhase, time_us: int) -> None:
        for reference in [reference for reference in self.open if reference.startswith(prefix)]:
            led_here = self.last_ended.startswith(reference + "/")
            self._close(reference, phase if led_here else "cancelled", time_us)

    def _close(self, reference: str, phase: TaskPhase, time_us: int) -> None:
        run = self.open.pop(reference, None)
        self.waits.discard(reference)
        if run is not None:
            run.phase, run.ended_at_us = phase, time_us

    def _reopen_around(self, reference: str) -> None:
        for run in self.halted:
            if reference.startswith(run.reference + "/"):
                run.phase, run.ended_at_us = "running", None
                self.open[run.reference] = run
        self.halted = [run for run in self.halted if run.ended_at_us is not None]

    def _open_phase(self, reference: str) -> TaskPhase:
        """A leaf waits for its time; a container waits when all that is open below it waits."""
        below = [other for other in self.open if other.startswith(reference + "/")]
        leaves = [other for other in below if not any(deeper.startswith(other + "/") for deeper in below)]
        return "waiting" if all(leaf in self.waits for leaf in leaves or [reference]) else "running"
