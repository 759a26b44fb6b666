"""One command's turn: each event is recorded and applied at once, so that deciders always read the fold."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tidemill.engine.core.apply import begin, change
from tidemill.engine.core.decision import Decision, Rejection
from tidemill.engine.core.effects import (
    ArmTimer,
    CallAction,
    CancelAction,
    CancelChild,
    DisarmTimer,
    Effect,
    StartChild,
    Subscribe,
    Unsubscribe,
)
from tidemill.engine.core.evaluation import Evaluator
from tidemill.engine.core.events import Event, ExecutionStarted, TaskYielded
from tidemill.engine.core.faults import fault, make_payload
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.state import ExecutionState, TimerKind
from tidemill.engine.core.views import FrameView, StateView
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.node import TaskNode
    from tidemill.engine.core.plan import Plan

_GOLDEN: Final = 0x9E3779B97F4A7C15
_MASK: Final = 2**64 - 1


class Turn(Evaluator):
    """What a command brings about.

    Work on other tasks than the one at hand goes to the agenda, last in first out, so that no depth of
    nesting and no length of a run meets Python's recursion limit.
    """

    __slots__ = (
        "_bytes_left",
        "_draws",
        "_seed",
        "_state",
        "agenda",
        "effects",
        "entries",
        "events",
        "is_spent",
        "plan",
        "state",
    )

    def __init__(self, plan: "Plan", state: ExecutionState, now_us: int, seed: int) -> None:
        settings = plan.settings
        super().__init__(now_us, settings.operations_per_command_max)
        self.plan = plan
        self._bytes_left = settings.bytes_per_command_max
        self.events: list[Event] = []
        self.effects: list[Effect] = []
        self.agenda: list[tuple[TaskNode | None, Callable[[], None]]] = []
        self.entries = 0
        # Whether the limit of turns in a row is passed: then no `try` may catch it and go on in its circle.
        self.is_spent = False
        # The fold of everything recorded so far, for deciders to read; only `record` changes it.
        self.state: StateView = state
        self._state = state
        self._seed = seed
        self._draws = 0

    @classmethod
    def opening(
        cls, plan: "Plan", execution_id: str, event: ExecutionStarted, *, now_us: int, seed: int
    ) -> "Turn":
        """The turn of a start, with its first event recorded."""
        effects: list[Effect] = []
        turn = cls(plan, begin(execution_id, event, now_us, effects), now_us, seed)
        turn.effects = effects
        turn.events.append(event)
        return turn

    def record(self, event: Event) -> None:
        """Record an event, and apply it."""
        change(self._state, event, self.now_us, self.effects)
        self.events.append(event)

    def later(self, node: "TaskNode | None", work: Callable[[], None]) -> None:
        """Put work on the agenda; a fault in it is that task's, and without a task there can be none."""
        self.agenda.append((node, work))

    def is_live(self, frame: FrameView) -> bool:
        """Whether a frame that was read earlier in this turn still is the one of its task."""
        return self._state.frames.get(frame.reference) is frame

    def put_off(self, reference: str) -> bool:
        """Count one task or round about to be entered; when the command has done its part, put it off.

        Raises TaskFaultError when the execution has been put off too often without any fact from outside.
        """
        if not self._has_done_its_part():
            self.entries += 1
            return False
        is_armed = TimerKind.YIELD in (self.state.root.timers or ())
        if not is_armed:
            self._spend_yield()
        if not is_armed or reference not in self.state.yielded:
            self.record(TaskYielded(reference))
        return True

    def _has_done_its_part(self) -> bool:
        settings = self.plan.settings
        return (
            self.entries >= settings.entries_per_command_max
            or self._bytes_left * 2 < settings.bytes_per_command_max
            or self._operations_left * 2 < settings.operations_per_command_max
        )

    def _spend_yield(self) -> None:
        settings = self.plan.settings
        if self.state.yields_in_a_row < settings.yields_in_a_row_max:
            return
        self.is_spent = True
        raise fault(
            "runtime",
            f"more than yields_in_a_row_max ({settings.yields_in_a_row_max}) turns without a wait, of up to "
            f"entries_per_command_max ({settings.entries_per_command_max}) tasks and rounds each",
        )

    def payload(self, value: Json, *sources: Payload) -> Payload:
        """Hold a value that was made just now; raises JsonError, or TaskFaultError when it is too large.

        Where it is that of one of its sources unchanged, that one is it: nothing is encoded anew. It counts
        all the same, for history will hold it once more.
        """
        settings = self.plan.settings
        for source in sources:
            if source.is_of(value):
                payload = source
                break
        else:
            payload = make_payload(value, settings.payload_bytes_max)
        self._bytes_left -= len(payload.data)
        if self._bytes_left < 0:
            limit = settings.bytes_per_command_max
            raise fault("runtime", f"more than bytes_per_command_max ({limit}) bytes without a wait")
        return payload

    def draw(self, low: int, high: int) -> int:
        """A number from low to high, both included, that the command's seed decides."""
        self._draws += 1
        mixed = (self._seed + self._draws * _GOLDEN) & _MASK
        mixed = ((mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ mixed >> 27) * 0x94D049BB133111EB) & _MASK
        return low + (mixed ^ mixed >> 31) % (max(high - low, 0) + 1)

    def decision(self, rejection: Rejection | None = None) -> Decision:
        """What the turn has come to."""
        effects = self.effects if len(self.effects) < 2 else self._released()
        return Decision(self._state, self.events, effects, rejection)

    def _released(self) -> list[Effect]:
        """The effects in order, less what came and went within the turn.

        A call that was cancelled before it was sent is never sent; its cancellation stays owed and goes out.
        """
        effects = self.effects
        cancelled = {(effect.key, effect.attempt) for effect in effects if isinstance(effect, CancelAction)}
        gone = {_gone(effect) for effect in effects} - {""}
        if not cancelled and not gone:
            return effects
        passing = gone & {_come(effect) for effect in effects}
        return [effect for effect in effects if not _is_moot(effect, cancelled, passing)]


def _come(effect: Effect) -> str:
    """The name of what an effect lets begin outside, as `_gone` has it."""
    match effect:
        case ArmTimer():
            return f"timer {effect.timer_id}"
        case StartChild():
            return f"child {effect.child.execution_id}"
        case Subscribe():
            return f"subscription {effect.subscription.id}"
        case _:
            return ""


def _gone(effect: Effect) -> str:
    """The name of what an effect ends outside; empty for effects that end nothing."""
    match effect:
        case DisarmTimer():
            return f"timer {effect.timer_id}"
        case CancelChild():
            return f"child {effect.execution_id}"
        case Unsubscribe():
            return f"subscription {effect.subscription_id}"
        case _:
            return ""


def _is_moot(effect: Effect, cancelled: set[tuple[str, int]], passing: set[str]) -> bool:
    if isinstance(effect, CallAction):
        return (effect.key, effect.attempt) in cancelled
    return bool(passing) and (_come(effect) in passing or _gone(effect) in passing)
