"""How a path is told beside a diagram: the mark of each phase, the legend, and what became of each task."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tidemill.client.plain import rfc3339
from tidemill.diagrams.path import Path, TaskPath

NEVER: Final = "never"
MARKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "completed": "✓",
        "faulted": "✗",
        "cancelled": "⊘",
        "skipped": "○",
        "running": "▶",
        "waiting": "⧗",
        "suspended": "‖",
        NEVER: "·",
    }
)
_DAY_CHARACTERS: Final = len("2026-01-31T")
_MILLISECONDS_CHARACTERS: Final = len("2026-01-31T08:00:00.000")


def phase_of(path: Path, reference: str) -> str:
    """The phase of a task's last run, or `never` for one that was neither entered nor skipped."""
    task = path.tasks.get(reference)
    return NEVER if task is None else task.phase


def legend() -> str:
    """What the marks mean."""
    return ", ".join(
        f"{mark} {'never entered' if phase == NEVER else phase}" for phase, mark in MARKS.items()
    )


def headline(path: Path) -> str:
    """The execution, where it stands, its error, and from when to when it ran."""
    words = [f"execution {path.execution_id}", path.phase, *([path.error] if path.error else [])]
    return ", ".join([*words, _span(_moment(path.started_at_us), path.closed_at_us, path)])


def facts(path: Path, reference: str) -> list[str]:
    """What became of a task: how often, when, at which attempt, with which error, what it waits for."""
    task = path.tasks.get(reference)
    if task is None:
        return []
    told = [f"{task.entered} times"] if task.entered > 1 else []
    told += [f"skipped {_times(task.skipped)}"] if task.skipped > 1 or (task.skipped and task.entered) else []
    told += [_count(task.rounds, "round")] if task.rounds else []
    told += [f"heard {_count(task.heard, 'event')}"] if task.heard else []
    told += _spans(task, path)
    told += [f"attempt {task.attempt}"] if task.attempt > 1 else []
    told += [task.error] if task.error else []
    told += [f"execution {task.child}"] if task.child else []
    return told + ([f"due {_time(task.due_at_us, path)}"] if task.due_at_us is not None else [])


def catch_facts(path: Path, reference: str) -> list[str]:
    """How often a `try` has caught an error."""
    task = path.tasks.get(reference)
    return [f"caught {_times(task.caught)}"] if task is not None and task.caught else []


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _spans(task: TaskPath, path: Path) -> list[str]:
    start_us = task.first_started_at_us
    return [] if start_us is None else [_span(_time(start_us, path), task.ended_at_us, path)]


def _span(start: str, end_us: int | None, path: Path) -> str:
    return f"since {start}" if end_us is None else f"{start} to {_time(end_us, path)}"


def _moment(time_us: int) -> str:
    return f"{rfc3339(time_us)[:_MILLISECONDS_CHARACTERS]}Z"


def _time(time_us: int, path: Path) -> str:
    """The time of day, with the day where that is not the day on which the execution started."""
    moment, first = _moment(time_us), _moment(path.started_at_us)
    same_day = moment[:_DAY_CHARACTERS] == first[:_DAY_CHARACTERS]
    return moment[_DAY_CHARACTERS:-1] if same_day else moment
