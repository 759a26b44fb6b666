"""Rows and core values as messages of the API."""

from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp

from tidemill import dsl
from tidemill.api.engine.v1 import definition_service_pb2 as definitions
from tidemill.api.engine.v1.execution_pb2 import Execution, ExecutionPhase
from tidemill.api.engine.v1.execution_service_pb2 import HistoryEvent
from tidemill.api.engine.v1.position_pb2 import Position
from tidemill.api.events.v1.command_pb2 import ExecutionKind
from tidemill.api.events.v1.history_pb2 import Cause, HistoryBatch
from tidemill.api.events.v1.stored_pb2 import DeadLetter
from tidemill.engine.runtime.ingress import Accepted
from tidemill.engine.store.rows import DeadLetterRow, DefinitionRow, ExecutionRow, HistoryRow

_SEVERITIES = {
    "error": definitions.PROBLEM_SEVERITY_ERROR,
    "warning": definitions.PROBLEM_SEVERITY_WARNING,
}


def timestamp(time_us: int) -> Timestamp:
    """Microseconds UTC as a Timestamp."""
    return Timestamp(seconds=time_us // 1_000_000, nanos=time_us % 1_000_000 * 1000)


def time_us(stamp: Timestamp) -> int:
    """A Timestamp in whole microseconds UTC."""
    return stamp.seconds * 1_000_000 + stamp.nanos // 1000


def position(accepted: Accepted) -> Position | None:
    """Where a command is; None for one that an earlier start made needless."""
    return Position(shard=accepted.shard, offset=accepted.offset) if accepted.offset >= 0 else None


def execution(row: ExecutionRow) -> Execution:
    """An execution as its row stands."""
    message = Execution(
        execution_id=row.execution_id,
        namespace=row.namespace,
        workflow=row.workflow,
        version=row.version,
        subject=row.subject,
        phase=ExecutionPhase.ValueType(row.phase),
        started_at=timestamp(row.started_at_us),
        reason=row.reason,
        sequence=row.sequence,
        parent_execution_id=row.parent_execution_id,
        kind=ExecutionKind.ValueType(row.kind),
    )
    if row.closed_at_us:
        message.closed_at.CopyFrom(timestamp(row.closed_at_us))
    if row.output:
        message.output.data = row.output
    if row.error:
        message.error.MergeFromString(row.error)
    return message


def history_events(rows: Iterable[HistoryRow], from_sequence: int) -> list[HistoryEvent]:
    """The events of history rows from a number on, each with its time and cause."""
    messages = []
    for row in rows:
        batch = HistoryBatch.FromString(row.data)
        time = timestamp(batch.time_us)
        for offset, (event, cause) in enumerate(zip(batch.events, _causes(batch), strict=True)):
            if row.sequence + offset >= from_sequence:
                messages.append(
                    HistoryEvent(
                        sequence=row.sequence + offset,
                        time=time,
                        event=event,
                        cause=cause,
                        commit=row.commit_number,
                    )
                )
    return messages


def _causes(batch: HistoryBatch) -> list[Cause]:
    return [cause for cause in batch.causes for _ in range(cause.events)]


def definition(row: DefinitionRow, *, latest: bool, with_document: bool) -> definitions.Definition:
    """A published version."""
    message = definitions.Definition(
        namespace=row.namespace,
        name=row.name,
        version=row.version,
        digest=row.digest,
        document=row.document if with_document else b"",
        published_at=timestamp(row.published_at_us),
        revision=row.revision,
        latest=latest,
    )
    message.MergeFromString(row.listens)
    message.MergeFromString(row.pinned)
    return message


def problems(found: Iterable[dsl.Problem]) -> list[definitions.DocumentProblem]:
    """What is wrong with a document."""
    return [
        definitions.DocumentProblem(
            pointer=problem.pointer, message=problem.message, severity=_SEVERITIES[problem.severity]
        )
        for problem in found
    ]


def dead_letter(row: DeadLetterRow) -> DeadLetter:
    """A dead letter."""
    return DeadLetter(
        id=row.number,
        shard=row.shard,
        execution_id=row.execution_id,
        namespace=row.namespace,
        kind=row.kind,
        item=row.item,
        error=row.error,
        time_us=row.time_us,
    )
