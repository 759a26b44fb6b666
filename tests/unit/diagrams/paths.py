"""Histories written down by hand, one event a second, and the paths that they fold to."""

from datetime import UTC, datetime

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from tidemill.api.engine.v1 import execution_pb2
from tidemill.api.engine.v1.execution_pb2 import Execution
from tidemill.api.engine.v1.execution_service_pb2 import HistoryEvent
from tidemill.api.errors.v1.problem_pb2 import Problem
from tidemill.api.events.v1 import history_pb2 as events
from tidemill.diagrams.outline import Outline
from tidemill.diagrams.path import Path, PathFold
from tidemill.diagrams.reading import outline_of
from tidemill.dsl import load

HEADER = "document: {dsl: '1.0.3', namespace: shop, name: order, version: 1.0.0}\n"
EXECUTION_ID = "0a1b2c3d-0190f0aa-1111-7222-8333-444455556666"
START_SECONDS = int(datetime(2026, 1, 31, 8, 0, 0, tzinfo=UTC).timestamp())
BROKEN = Problem(type="https://example.com/errors/broken", status=418, title="Broken")


def at_us(second: int) -> int:
    """Microseconds of a second after the start."""
    return (START_SECONDS + second) * 1_000_000


def event(second: int, fact: Message) -> HistoryEvent:
    """A fact of a second after the start."""
    found = HistoryEvent(sequence=second, time=Timestamp(seconds=START_SECONDS + second))
    name = type(fact).__name__
    kind = "".join("_" + letter.lower() if letter.isupper() else letter for letter in name).lstrip("_")
    getattr(found.event, kind).CopyFrom(fact)
    return found


def drawn(
    tasks: str, *facts: Message, phase: str = "running", error: Problem | None = None
) -> tuple[Outline, Path]:
    """The outline of a document with these tasks and members, and the path after these facts."""
    outline = outline_of(load(HEADER + tasks))
    fold = PathFold(outline)
    for second, fact in enumerate(facts):
        fold.apply([event(second, fact)])
    execution = Execution(
        execution_id=EXECUTION_ID,
        phase=execution_pb2.ExecutionPhase.Value(f"EXECUTION_PHASE_{phase.upper()}"),
        started_at=Timestamp(seconds=START_SECONDS),
        error=error,
    )
    if phase in ("completed", "faulted", "cancelled"):
        execution.closed_at.FromSeconds(START_SECONDS + len(facts) - 1)
    return outline, fold.finish(execution)


def began() -> events.ExecutionStarted:
    return events.ExecutionStarted(namespace="shop", workflow="order", version="1.0.0")


def started(reference: str, *, attempt: int = 1, due_at_us: int = 0) -> events.TaskStarted:
    found = events.TaskStarted(reference=reference, attempt=attempt)
    if due_at_us:
        found.due_at_us = due_at_us
    return found


def completed(reference: str) -> events.TaskCompleted:
    return events.TaskCompleted(reference=reference)


def skipped(reference: str) -> events.TaskSkipped:
    return events.TaskSkipped(reference=reference)


def faulted(reference: str) -> events.TaskFaulted:
    return events.TaskFaulted(reference=reference, error=BROKEN)


def went_through(*references: str) -> list[Message]:
    """Tasks that start and complete one after the other."""
    return [fact for reference in references for fact in (started(reference), completed(reference))]
