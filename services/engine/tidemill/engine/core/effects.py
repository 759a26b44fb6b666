"""Work to do once the events are durable."""

from typing import TypeAlias

from tidemill.engine.core.payload import Payload
from tidemill.engine.core.values import value


@value
class CallAction:
    """Make one attempt of an action; `timeout_us` is what the task leaves it, 0 for no limit."""

    key: str
    attempt: int
    reference: str
    action: str
    arguments: Payload
    timeout_us: int = 0


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


Effect: TypeAlias = CallAction | CancelAction | ArmTimer | DisarmTimer
