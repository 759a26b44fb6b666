"""Values that stand in many records: errors and payloads, to and from protobuf."""

from google.protobuf.message import Message

from tidemill.api.errors.v1.problem_pb2 import Problem as ProblemRecord
from tidemill.api.events.v1.payload_pb2 import Payload as PayloadRecord
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.problems import Problem


def write_problem(record: ProblemRecord, problem: Problem) -> None:
    """Write an error into an empty record."""
    record.type = problem.type
    record.status = problem.status
    record.title = problem.title
    record.detail = problem.detail
    record.instance = problem.instance


def read_problem(record: ProblemRecord) -> Problem:
    """Read an error."""
    return Problem(record.type, record.status, record.title, record.detail, record.instance)


def read_payload(record: Message, field: str) -> Payload | None:
    """An optional payload; absent is not the same as null."""
    if not record.HasField(field):
        return None
    held: PayloadRecord = getattr(record, field)
    return Payload.encoded(held.data)
