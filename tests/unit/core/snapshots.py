"""A state as plain values, to compare two of them; a difference shows where it is."""

from tidemill.engine.core.payload import Payload
from tidemill.engine.core.state import Attempts, EntryCounts, ExecutionState, Frame, Listening, Loop

Plain = object


def snapshot(state: ExecutionState) -> dict[str, Plain]:
    """Everything that a state holds, frames in their order."""
    members = {name: plain(getattr(state, name)) for name in members_of(ExecutionState) if name != "actions"}
    frames = {reference: _frame(frame) for reference, frame in state.frames.items()}
    actions = {key: frame.reference for key, frame in state.actions.items()}
    return members | {"frames": frames, "root": _frame(state.root), "actions": actions}


def plain(value: object) -> Plain:
    """One member."""
    match value:
        case Payload():
            return value.value
        case Frame():
            return value.reference
        case Loop() | Attempts() | EntryCounts() | Listening():
            return {name: plain(getattr(value, name)) for name in members_of(type(value))}
        case dict():
            return [(key, plain(item)) for key, item in value.items()]
        case _:
            return value


def members_of(kind: type) -> tuple[str, ...]:
    """The names of all that an object of a slotted class holds; compiled, a class lists them elsewhere."""
    listed: tuple[str, ...] = getattr(kind, "__mypyc_attrs__", None) or kind.__slots__  # type: ignore[attr-defined]
    return listed


def _frame(frame: Frame) -> Plain:
    members = {name: plain(getattr(frame, name)) for name in members_of(Frame)}
    return members | {"children": list(frame.children or {})}
