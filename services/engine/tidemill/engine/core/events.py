"""The stored facts about an execution: one class for each kind of event in history.proto, same names."""

from enum import IntEnum
from typing import TypeAlias

from tidemill.engine.core.payload import Payload
from tidemill.engine.core.problems import Problem
from tidemill.engine.core.secrets import SecretUse
from tidemill.values import named_value, value


class ActionState(IntEnum):
    """How an attempt of an action ended; the numbers are those of the contract."""

    SUCCEEDED = 1
    FAILED = 2
    CANCELLED = 3
    UNKNOWN = 4


class ChildState(IntEnum):
    """How a child ended; the numbers are those of the contract."""

    COMPLETED = 1
    FAULTED = 2
    CANCELLED = 3


class Kind(IntEnum):
    """What of a definition an execution runs; the numbers are those of the contract."""

    WORKFLOW = 0
    TRIGGER = 1


@value
class TriggerOrigin:
    """The trigger and the event that started an execution."""

    trigger: str
    event_source: str
    event_id: str


@value
class Subscription:
    """The wait for events of one filter: which lane hears them, and the correlation values expected.

    `key` is the digest of those values, empty while not all are known; `expected` holds those that are.
    """

    id: str
    filter: int
    lane: bytes
    key: bytes
    expected: Payload | None
    since_us: int


@named_value
class ExecutionStarted:
    """The execution began. `input` is None when it equals the raw one; `timeout_at_us` 0 is none.

    `stopping` are the subscriptions of `stopOn`, whose events end it.
    """

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
    parent: str = ""
    kind: Kind = Kind.WORKFLOW
    stopping: tuple[Subscription, ...] = ()
    depth: int = 0


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
    """A faulted execution goes on; `timeout_at_us` is its timeout armed anew, 0 for none.

    `stopping` are the subscriptions of `stopOn`, begun anew.
    """

    timeout_at_us: int = 0
    stopping: tuple[Subscription, ...] = ()


@value
class ActionRequested:
    """The resolved request of an action; secrets are put into the arguments by the Action service alone."""

    action: str
    arguments: Payload
    secrets: tuple[SecretUse, ...] = ()


@named_value
class ChildRequested:
    """The start of a child; without a version the latest one at the time of the start."""

    execution_id: str
    namespace: str
    workflow: str
    version: str = ""
    subject: str = ""
    input: Payload
    awaited: bool = True
    origin: TriggerOrigin | None = None
    depth: int = 0


@value
class SlotRequested:
    """The request of a slot in a pace lane: `limit` slots in each `per_us`."""

    request_id: str
    lane: bytes
    limit: int
    per_us: int


@value
class TaskStarted:
    """A task was entered.

    `input` is None when it equals the raw one. Of the last seven at most one is set, by the kind of task:
    the request of a call or emit, the due time of a wait, the items of a `for`, the end of the first
    attempt of a `try` whose attempts are limited, the subscriptions of a `listen` (None: it is no such
    task), the child of a `run`, and the slot of a `pace`. A time of 0 is none.
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
    listening: tuple[Subscription, ...] | None = None
    child: ChildRequested | None = None
    slot: SlotRequested | None = None


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
    """A round of a `for` or of a `foreach` began; `index` counts from 0."""

    reference: str
    index: int


@value
class RoundCompleted:
    """A round of a `foreach` ended; `output` is None when it is the event itself, `context` when nothing is
    exported."""

    reference: str
    output: Payload | None = None
    context: Payload | None = None


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


@value
class EventReceived:
    """An event that a filter of a `listen` took, or one of `stopOn` (reference ""); `event` is the envelope.

    `correlations` holds the correlation values that are known from now on, None when there are none new.
    """

    reference: str
    filter: int
    event: Payload
    correlations: Payload | None = None


@value
class ListeningEnded:
    """A `listen` hears nothing more; its tasks for each event may still be under way."""

    reference: str


@value
class ChildCompleted:
    """A child has ended."""

    reference: str
    execution_id: str
    state: ChildState
    output: Payload | None = None
    error: Problem | None = None


@value
class TaskYielded:
    """A task's entry, or the next round of a loop, is put off until a timer that is due at once."""

    reference: str


@value
class SlotGranted:
    """A `pace` goes on at this time."""

    reference: str
    due_at_us: int


@value
class ScheduleFired:
    """Fire times of a schedule have come: each of `starts_us` starts an execution, `missed` more do not."""

    reference: str
    starts_us: tuple[int, ...]
    missed: int


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
    | EventReceived
    | ListeningEnded
    | ChildCompleted
    | TaskYielded
    | SlotGranted
    | ScheduleFired
    | RoundCompleted
)
