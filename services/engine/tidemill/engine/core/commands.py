"""What may be asked of an execution. A command may be rejected; what it brings about are events."""

from dataclasses import dataclass
from typing import TypeAlias

from tidemill.engine.core.events import ActionState, TriggerOrigin
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True)
class Cancel:
    """End the execution now."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Suspend:
    """Let nothing new begin until resumed."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on after a suspension."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Go on from the faulted task; refused unless the last sequence is `if_sequence` (0: any)."""

    if_sequence: int = 0


@dataclass(frozen=True, slots=True)
class CompleteAction:
    """The outcome of one attempt of an action has come."""

    key: str
    attempt: int
    state: ActionState
    output: Payload | None = None
    error: Problem | None = None


@dataclass(frozen=True, slots=True)
class ConfirmCancellation:
    """A cancelled action will do nothing more."""

    key: str


@dataclass(frozen=True, slots=True)
class FireTimer:
    """A timer is due."""

    timer_id: str


Command: TypeAlias = (
    Start | Cancel | Suspend | Resume | Retry | CompleteAction | ConfirmCancellation | FireTimer
)
