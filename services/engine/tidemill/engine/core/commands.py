"""What may be asked of an execution. A command may be rejected; what it brings about are events."""

from typing import TypeAlias

from tidemill.engine.core.events import ActionState, ChildState, Kind, TriggerOrigin
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.problems import Problem
from tidemill.values import named_value, value


@named_value
class Start:
    """Start an execution of a resolved definition version."""

    execution_id: str
    namespace: str
    workflow: str
    version: str
    subject: str = ""
    input: Payload
    input_digest: bytes = b""
    request_id: str = ""
    origin: TriggerOrigin | None = None
    traceparent: str = ""
    parent: str = ""
    kind: Kind = Kind.WORKFLOW
    depth: int = 0


@value
class Cancel:
    """End the execution now."""

    reason: str = ""


@value
class Suspend:
    """Let nothing new begin until resumed."""

    reason: str = ""


@value
class Resume:
    """Go on after a suspension."""


@value
class Retry:
    """Go on from the faulted task; refused unless the last sequence is `if_sequence` (0: any)."""

    if_sequence: int = 0


@value
class CompleteAction:
    """The outcome of one attempt of an action has come."""

    key: str
    attempt: int
    state: ActionState
    output: Payload | None = None
    error: Problem | None = None


@value
class ConfirmCancellation:
    """A cancelled action will do nothing more."""

    key: str


@value
class FireTimer:
    """A timer is due."""

    timer_id: str


@value
class DeliverEvent:
    """An event has come that a subscription may want; `event` is the envelope, received by its lane then."""

    subscription_id: str
    event: Payload
    received_at_us: int


@value
class EndChild:
    """A child has ended."""

    execution_id: str
    state: ChildState
    output: Payload | None = None
    error: Problem | None = None


@value
class GrantSlot:
    """A pace lane has given a slot."""

    request_id: str
    due_at_us: int


# What has happened outside, as against what somebody asks for.
Fact: TypeAlias = CompleteAction | ConfirmCancellation | FireTimer | DeliverEvent | EndChild | GrantSlot
Command: TypeAlias = Start | Cancel | Suspend | Resume | Retry | Fact
