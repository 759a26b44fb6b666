"""What a history must still mean after any change of code: the facts that others rely on."""

import base64
from collections.abc import Iterable

from tidemill.engine.core.apply import fold
from tidemill.engine.core.effects import CallAction, CancelAction
from tidemill.engine.core.owed import armed_timers, owed_effects
from tidemill.engine.core.state import ExecutionState
from tidemill.engine.records import decode_batch
from tidemill.json import Json


def encode_rows(rows: Iterable[bytes]) -> list[Json]:
    """History rows as text."""
    return [base64.b64encode(row).decode() for row in rows]


def fold_rows(execution_id: str, rows: Iterable[str]) -> ExecutionState:
    """The state after recorded rows."""
    batches = [decode_batch(base64.b64decode(row)) for row in rows]
    return fold(execution_id, [(batch.now_us, event) for batch in batches for event in batch.events])


def facts(state: ExecutionState) -> dict[str, Json]:
    """Where the execution stands, what it owes, what it waits for, and what it has given."""
    owed = owed_effects(state)
    return {
        "phase": state.phase.name.lower(),
        "sequence": state.sequence,
        "workflow": f"{state.namespace}/{state.workflow}:{state.version}",
        "output": state.output.value if state.output is not None else None,
        "error": state.error.as_json() if state.error is not None else None,
        "reason": state.reason,
        "context": state.context.value,
        "live_tasks": _sorted(state.frames),
        "calls_owed": _sorted(f"{e.key}/{e.attempt} {e.action}" for e in owed if isinstance(e, CallAction)),
        "cancellations_owed": _sorted(f"{e.key}/{e.attempt}" for e in owed if isinstance(e, CancelAction)),
        "timers": {timer.timer_id: timer.due_at_us for timer in armed_timers(state)},
        **_waits(state),
    }


def _waits(state: ExecutionState) -> dict[str, Json]:
    """What it waits for of others, as far as it does: histories of before such waits know nothing of them."""
    waits: dict[str, list[Json]] = {
        "children_awaited": _sorted(state.children),
        "slots_awaited": _sorted(state.slots),
        "put_off": [*state.yielded],
        "subscriptions": _sorted(f"{wait.id} {wait.key.hex()}" for _, wait in state.subscriptions.values()),
        "heard": _sorted(" ".join(event) for event in state.heard),
    }
    return {name: [*names] for name, names in waits.items() if names}


def _sorted(texts: Iterable[str]) -> list[Json]:
    return [*sorted(texts)]
