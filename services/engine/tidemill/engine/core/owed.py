"""What a state says still has to be done outside: after a crash it is done again under the same names."""

from tidemill.engine.core.effects import ArmTimer, CancelAction, Effect
from tidemill.engine.core.frames import call_of
from tidemill.engine.core.state import ExecutionState


def owed_effects(state: ExecutionState) -> list[Effect]:
    """Every call without an outcome, then every cancellation that is not confirmed."""
    effects: list[Effect] = [
        call_of(frame, frame.request) for frame in state.actions.values() if frame.request is not None
    ]
    effects.extend(CancelAction(key, attempt) for key, attempt in state.cancelling)
    return effects


def armed_timers(state: ExecutionState) -> list[ArmTimer]:
    """All timers that must stand as rows for this state."""
    return [ArmTimer(timer_id, timer.due_at_us) for timer_id, timer in state.timers.items()]
