"""The stored facts about an execution: one class for each kind of event in history.proto, same names."""

from enum import IntEnum
from typing import TypeAlias

from tidemill.engine.core.payload import Payload
from tidemill.engine.core.problems import Problem
from tidemill.engine.core.values import named_value, value


class ActionState(IntEnum):
    """How an attempt of an action ended; the numbers are those of the contract."""

    SUCCEEDED = 1
    FAILED = 2
    CANCELLED = 3
    UNKNOWN = 4


@value
class TriggerOrigin:
    """The trigger and the event that started an execution."""

    trigger: str
    event_source: str
    event_id: str


@named_value
class ExecutionStarted:
    """The execution began. `input` is None when it equals the raw one; `timeout_at_us` 0 is none."""

    namespace: str
    workflow: str
    version: str
    subject: str = ""
    raw_input: Payload
    input: Payload | None = None
    timeout_at_us: int = 0
    origin: TriggerOrigin | None = None
    request_id: str = ""
    input_digest: bytes = b""
    traceparent: str = ""


@value
class ExecutionCompleted:
    """The execution ran to its end with this transformed output."""

    output: Payload


@value
class ExecutionFaulted:
    """An error that nothing caught halted the execution; its frames are kept."""

    error: Problem


@value
class ExecutionCancelled:
    """The execution was ended on request."""

    reason: str


@value
class ExecutionSuspended:
    """The execution was paused."""

    reason: str


@value
class ExecutionResumed:
    """A paused execution goes on."""


@value
class ExecutionRetried:
    """A faulted execution goes on; `timeout_at_us` is its timeout armed anew, 0 for none."""

    timeout_at_us: int = 0


@value
class ActionRequested:
    """The resolved request of an action."""

    action: str
    arguments: Payload


@value
class TaskStarted:
    """A task was entered.

    `input` is None when it equals the raw one. Of the last four at most one is set, by the kind of task:
    the request of a call or emit, the due time of a wait, the items of a `for`, and the end of the first
    attempt of a `try` whose attempts are limited. A time of 0 is none.
    """

    reference: str
    activations: str
    attempt: int
    input: Payload | None = None
    timeout_at_us: int = 0
    action: ActionRequested | None = None
    due_at_us: int = 0
    items: Payload | None = None
    attempt_timeout_at_us: int = 0


@value
class TaskSkipped:
    """A task was passed over for its `if`."""

    reference: str


@value
class TaskCompleted:
    """A task ended well; `output` is None when it equals the raw one, `context` when nothing is exported."""

    reference: str
    output: Payload | None = None
    context: Payload | None = None


@value
class TaskFaulted:
    """A task raised an error."""

    reference: str
    error: Problem


@value
class TaskCancelled:
    """A task, and all below it, was ended from outside: a lost race, a timeout, a fault beside it."""

    reference: str


@value
class RoundStarted:
    """A round of a `for` began; `index` counts from 0."""

    reference: str
    index: int


@value
class ErrorCaught:
    """A `try` caught an error; `retry` counts the retry that follows from 1, 0 when none does."""

    reference: str
    error: Problem
    retry: int = 0
    retry_at_us: int = 0


@value
class TaskRetried:
    """A `try` begins its block again; `attempt_timeout_at_us` 0 is no limit."""

    reference: str
    attempt_timeout_at_us: int = 0


@value
class ActionCompleted:
    """An action's outcome arrived; `late` when nothing waited for it any more."""

    reference: str
    key: str
    attempt: int
    state: ActionState
    output: Payload | None = None
    error: Problem | None = None
    late: bool = False


@value
class CancellationConfirmed:
    """A cancelled action will do nothing more."""

    key: str


@value
class TimerFired:
    """A timer of the execution fired."""

    timer_id: str


Event: TypeAlias = (
    ExecutionStarted
    | ExecutionCompleted
    | ExecutionFaulted
    | ExecutionCancelled
    | ExecutionSuspended
    | ExecutionResumed
    | ExecutionRetried
    | TaskStarted
    | TaskSkipped
    | TaskCompleted
    | TaskFaulted
    | TaskCancelled
    | RoundStarted
    | ErrorCaught
    | TaskRetried
    | ActionCompleted
    | CancellationConfirmed
    | TimerFired
)
