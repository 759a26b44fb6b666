"""Work to do once the events are durable."""

from typing import TypeAlias

from tidemill.engine.core.events import ChildRequested, ChildState, SlotRequested, Subscription
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.problems import Problem
from tidemill.engine.core.secrets import SecretUse
from tidemill.values import value


@value
class CallAction:
    """Make one attempt of an action; `timeout_us` is what the task leaves it, 0 for no limit."""

    key: str
    attempt: int
    reference: str
    action: str
    arguments: Payload
    timeout_us: int = 0
    secrets: tuple[SecretUse, ...] = ()


@value
class CancelAction:
    """Stop an attempt of an action; owed until its end is confirmed."""

    key: str
    attempt: int


@value
class ArmTimer:
    """Fire this timer once its time has come."""

    timer_id: str
    due_at_us: int


@value
class DisarmTimer:
    """Forget this timer: it has fired, or nothing waits for it any more."""

    timer_id: str


@value
class Subscribe:
    """Have a lane deliver events for a filter of a `listen`, or of `stopOn` (reference "")."""

    reference: str
    subscription: Subscription


@value
class Unsubscribe:
    """Have a lane deliver no more."""

    subscription_id: str
    lane: bytes


@value
class StartChild:
    """Start an execution; one that is awaited tells its end."""

    child: ChildRequested


@value
class CancelChild:
    """End a child that nothing waits for any more."""

    execution_id: str
    reason: str


@value
class TellParent:
    """Tell the execution that waits for the end of this one."""

    parent: str
    state: ChildState
    output: Payload | None
    error: Problem | None


@value
class RequestSlot:
    """Ask a pace lane for a slot."""

    slot: SlotRequested


# What one aggregate asks of another: written with the commit, applied once.
Message: TypeAlias = Subscribe | Unsubscribe | StartChild | CancelChild | TellParent | RequestSlot
Effect: TypeAlias = CallAction | CancelAction | ArmTimer | DisarmTimer | Message
