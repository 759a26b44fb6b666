"""The words of the Action service: calls, outcomes, and why a call was not made."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from tidemill.values import value


class ActionState(IntEnum):
    """How an attempt ended; the numbers are those of the contract and stand in the ledger."""

    SUCCEEDED = 1
    FAILED = 2
    CANCELLED = 3
    UNKNOWN = 4


class DeliveryFailure(IntEnum):
    """Why a call was not made; the numbers are those of the contract."""

    UNKNOWN_ACTION = 1
    UNAVAILABLE = 2
    REFUSED = 3


@value
class Problem:
    """A workflow error: RFC 7807 problem details. The engine adds where it happened."""

    type: str
    status: int
    title: str = ""
    detail: str = ""


class Outcome(NamedTuple):
    """How an attempt ended: `output` is JSON as bytes when it succeeded, `error` says why it did not."""

    state: ActionState
    output: bytes | None = None
    error: Problem | None = None


@value
class SecretPath:
    """A secret of the call's namespace, or what stands in it under these keys."""

    name: str
    keys: tuple[str, ...] = ()


@value
class SecretUse:
    """Where in the arguments (a JSON pointer) one secret belongs as it is, or a text of several parts."""

    pointer: str
    parts: tuple[str | SecretPath, ...]


# Not frozen: one is built for every call, and freezing would double what that costs.
@dataclass(slots=True)
class Call:
    """One attempt of an action, as the engine asks for it. Times are microseconds UTC; 0 means none."""

    key: str
    attempt: int
    namespace: str
    execution_id: str
    task_reference: str
    action: str
    arguments: bytes
    shard: int
    epoch: int
    dispatch_before_us: int
    timeout_us: int
    traceparent: str
    secrets: tuple[SecretUse, ...] = ()
    # Once secrets are put in: the texts that may stand in no answer, longer ones first.
    hidden: tuple[str, ...] = ()


@value
class Cancellation:
    """A wish to stop one attempt, and to keep it from running if it has not come yet."""

    key: str
    attempt: int


@dataclass(slots=True)
class Completed:
    """The answer to a call that has an outcome."""

    key: str
    attempt: int
    outcome: Outcome
    from_record: bool = False


@dataclass(slots=True)
class Undelivered:
    """The answer to a call that was not made: the engine sends it again later."""

    key: str
    attempt: int
    failure: DeliveryFailure
    detail: str


Answer = Completed | Undelivered

CANCELLED: Final = Outcome(ActionState.CANCELLED)
