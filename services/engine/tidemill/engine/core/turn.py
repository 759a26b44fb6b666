"""One command's turn: each event is recorded and applied at once, so that deciders always read the fold."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tidemill.engine.core.apply import begin, change
from tidemill.engine.core.decision import Decision, Rejection
from tidemill.engine.core.effects import ArmTimer, CallAction, CancelAction, DisarmTimer, Effect
from tidemill.engine.core.evaluation import Evaluator
from tidemill.engine.core.events import Event, ExecutionStarted
from tidemill.engine.core.faults import fault, make_payload
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.state import ExecutionState, FrameView, StateView
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
        "_entries_max",
        "_seed",
        "_state",
        "agenda",
        "effects",
        "entries",
        "events",
        "plan",
        "state",
    )

    def __init__(self, plan: "Plan", state: ExecutionState, now_us: int, seed: int) -> None:
        settings = plan.settings
        super().__init__(now_us, settings.operations_per_command_max)
        self.plan = plan
        self._bytes_left = settings.bytes_per_command_max
        self._entries_max = settings.entries_per_command_max
        self.events: list[Event] = []
        self.effects: list[Effect] = []
        self.agenda: list[tuple[TaskNode | None, Callable[[], None]]] = []
        self.entries = 0
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

    def spend_entry(self) -> None:
        """Count one task or round that is entered; raises TaskFaultError over the limit."""
        self.entries += 1
        if self.entries > self._entries_max:
            limit = self._entries_max
            raise fault(
                "runtime", f"more than entries_per_command_max ({limit}) tasks and rounds without a wait"
            )

    @property
    def is_spent(self) -> bool:
        """Whether the limit of entries is passed: then no `try` may catch it and go on in its circle."""
        return self.entries > self._entries_max

    def payload(self, value: Json) -> Payload:
        """Hold a value that was made just now; raises JsonError, or TaskFaultError when it is too large."""
        settings = self.plan.settings
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
        if not any(isinstance(effect, CancelAction | DisarmTimer) for effect in effects):
            return effects
        cancelled = {(effect.key, effect.attempt) for effect in effects if isinstance(effect, CancelAction)}
        disarmed = {effect.timer_id for effect in effects if isinstance(effect, DisarmTimer)}
        armed = {effect.timer_id for effect in effects if isinstance(effect, ArmTimer)}
        passing = armed & disarmed
        return [effect for effect in effects if not _is_moot(effect, cancelled, passing)]


def _is_moot(effect: Effect, cancelled: set[tuple[str, int]], passing: set[str]) -> bool:
    match effect:
        case CallAction():
            return (effect.key, effect.attempt) in cancelled
        case ArmTimer() | DisarmTimer():
            return effect.timer_id in passing
        case _:
            return False
