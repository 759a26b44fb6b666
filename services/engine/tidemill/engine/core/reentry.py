"""Re-entry: whether a subject may start a workflow again that it is in, or has been in."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from tidemill.dsl import parse_duration
from tidemill.dsl.problems import refusal
from tidemill.engine.core.compiler import members
from tidemill.engine.core.decision import Rejection, RejectionReason
from tidemill.engine.core.times import rfc3339
from tidemill.json import Json, dumps, loads


class _Policy(Enum):
    ONCE = "once"
    AFTER_EXIT = "afterExit"
    COOLDOWN = "cooldown"


@dataclass(frozen=True, slots=True)
class _Count:
    """How many executions are open, how many there were, and when the last one started."""

    open: int = 0
    starts: int = 0
    started_at_us: int = 0


@dataclass(frozen=True, slots=True)
class Reentry:
    """A policy that refuses some starts. Its counter, of a workflow in a lane, is JSON, empty at first."""

    workflow: str
    policy: _Policy
    cooldown_us: int = 0

    def enter(self, counter: bytes, now_us: int) -> bytes | Rejection:
        """The counter after a start, or why the start is refused."""
        count = _read(counter)
        reason = self._reason(count, now_us)
        if reason:
            metadata = {"workflow": self.workflow, "policy": self.policy.value}
            return Rejection(RejectionReason.REENTRY_REFUSED, reason, metadata)
        return _write(_Count(count.open + 1, count.starts + 1, now_us))

    def leave(self, counter: bytes, _now_us: int) -> bytes:
        """The counter after the end of an execution."""
        count = _read(counter)
        return _write(replace(count, open=max(count.open - 1, 0)))

    def again(self, counter: bytes) -> bytes:
        """The counter after an operator's retry: the execution is open again, but it is no new start."""
        count = _read(counter)
        return _write(replace(count, open=count.open + 1))

    def _reason(self, count: _Count, now_us: int) -> str:
        match self.policy:
            case _Policy.ONCE if count.starts:
                return f"{self.workflow} runs once for each subject, and it has run"
            case _Policy.AFTER_EXIT if count.open:
                return f"{self.workflow} is running for this subject, and begins again only after its end"
            case _Policy.COOLDOWN if count.starts and now_us < count.started_at_us + self.cooldown_us:
                again_at = rfc3339(count.started_at_us + self.cooldown_us)
                return f"{self.workflow} began lately for this subject, and begins again from {again_at} on"
            case _:
                return ""


def compile_reentry(document: Mapping[str, Json]) -> Reentry | None:
    """The policy of a document; None for `always`, which is the default. Raises DocumentError."""
    header = members(document.get("document"))
    value = members(members(header.get("metadata")).get("tidemill")).get("reentry", "always")
    workflow = str(header.get("name", ""))
    if isinstance(value, dict):
        try:
            return Reentry(workflow, _Policy.COOLDOWN, parse_duration(value.get("cooldown")))
        except ValueError as error:
            raise refusal(str(error), "/document/metadata/tidemill/reentry/cooldown") from None
    return None if value == "always" else _named(workflow, value)


def _named(workflow: str, value: Json) -> Reentry:
    for policy in (_Policy.ONCE, _Policy.AFTER_EXIT):
        if policy.value == value:
            return Reentry(workflow, policy)
    raise refusal(f"`{value!s:.80}` is no rule of re-entry", "/document/metadata/tidemill/reentry")


def _read(counter: bytes) -> _Count:
    if not counter:
        return _Count()
    read = loads(counter)
    assert isinstance(read, dict)
    numbers = [read[name] for name in ("open", "starts", "started_at_us")]
    return _Count(*(number if isinstance(number, int) else 0 for number in numbers))


def _write(count: _Count) -> bytes:
    return dumps({"open": count.open, "starts": count.starts, "started_at_us": count.started_at_us})
