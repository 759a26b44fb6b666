"""The retry policy of a `catch`, compiled."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from tidemill.engine.core.compiler import members
from tidemill.engine.core.durations import Duration
from tidemill.engine.core.variables import Variables
from tidemill.engine.core.views import FrameView
from tidemill.expressions import is_truthy
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn

# However often an exponential delay has doubled, it stays below a century.
_DELAY_US_MAX: Final = 36_525 * 86_400 * 1_000_000
_DOUBLINGS_MAX: Final = 64


class RetryPolicy:
    """When a `try` begins its block again, and how long each attempt and all of them may take.

    `limit.attempt.count` counts retries, not the first attempt; `limit.attempt.duration` bounds every
    attempt, the first among them; `limit.duration` bounds all, from the entry of the `try` on.
    """

    __slots__ = (
        "_attempt_duration",
        "_backoff",
        "_count",
        "_delay",
        "_duration",
        "_except_when",
        "_jitter",
        "_when",
    )

    def __init__(self, policy: Mapping[str, Json], pointer: str, compiler: "Compiler") -> None:
        limit = members(policy.get("limit"))
        attempt = members(limit.get("attempt"))
        jitter = members(policy.get("jitter"))
        optional = compiler.optional_duration
        self._when = compiler.condition(policy.get("when"), f"{pointer}/when")
        self._except_when = compiler.condition(policy.get("exceptWhen"), f"{pointer}/exceptWhen")
        self._delay = optional(policy.get("delay"), f"{pointer}/delay")
        self._backoff = next(iter(members(policy.get("backoff"))), "constant")
        count = attempt.get("count")
        self._count = count if isinstance(count, int) else None
        self._attempt_duration = optional(attempt.get("duration"), f"{pointer}/limit/attempt/duration")
        self._duration = optional(limit.get("duration"), f"{pointer}/limit/duration")
        self._jitter: tuple[Duration, Duration] | None = None
        if jitter:
            low = compiler.duration(jitter.get("from"), f"{pointer}/jitter/from")
            self._jitter = (low, compiler.duration(jitter.get("to"), f"{pointer}/jitter/to"))

    def retry_at_us(self, turn: "Turn", frame: FrameView, variables: Variables) -> int | None:
        """When the next retry is due; None when there is none. May raise one of FAULTS."""
        retries = frame.attempts.retries if frame.attempts is not None else 0
        if self._count is not None and retries >= self._count:
            return None
        if not self._applies(turn, frame, variables):
            return None
        due_at_us = turn.now_us + self._delay_us(turn, frame, variables, number=retries + 1)
        ends_at_us = self._ends_at_us(turn, frame, variables)
        return None if ends_at_us is not None and due_at_us >= ends_at_us else due_at_us

    def attempt_ends_at_us(self, turn: "Turn", frame: FrameView | None, variables: Variables) -> int:
        """When an attempt that begins now runs out of time, 0 for never; `frame` is None for the first."""
        ends = []
        if self._attempt_duration is not None:
            ends.append(turn.now_us + self._resolve(self._attempt_duration, turn, variables))
        whole = self._ends_at_us(turn, frame, variables)
        if whole is not None:
            ends.append(whole)
        return min(ends, default=0)

    def _applies(self, turn: "Turn", frame: FrameView, variables: Variables) -> bool:
        value = frame.input.value
        if self._when is not None and not is_truthy(turn.evaluate(self._when, value, variables)):
            return False
        return self._except_when is None or not is_truthy(turn.evaluate(self._except_when, value, variables))

    def _delay_us(self, turn: "Turn", frame: FrameView, variables: Variables, *, number: int) -> int:
        delay_us = 0 if self._delay is None else self._resolve(self._delay, turn, variables)
        if self._backoff == "linear":
            delay_us *= number
        elif self._backoff == "exponential":
            delay_us *= 2 ** min(number - 1, _DOUBLINGS_MAX)
        if self._jitter is not None:
            low, high = (self._resolve(bound, turn, variables) for bound in self._jitter)
            delay_us += turn.draw(low, high)
        return min(delay_us, _DELAY_US_MAX)

    def _ends_at_us(self, turn: "Turn", frame: FrameView | None, variables: Variables) -> int | None:
        if self._duration is None:
            return None
        began_at_us = turn.now_us if frame is None else frame.started_at_us
        return began_at_us + self._resolve(self._duration, turn, variables)

    @staticmethod
    def _resolve(duration: Duration, turn: "Turn", variables: Variables) -> int:
        assert variables.input is not None
        return duration.resolve(turn, variables.input, variables)
