"""The last part of the batch step: what the commit has made true is let out."""

from collections.abc import Sequence

from tidemill.engine.core.effects import CallAction
from tidemill.engine.core.events import Kind, ScheduleFired
from tidemill.engine.core.state import CLOSED_PHASES
from tidemill.engine.runtime.ownership import Memory
from tidemill.engine.runtime.translate import action_call
from tidemill.engine.runtime.turns import ShardTurn, Turn
from tidemill.telemetry import names
from tidemill.telemetry.metrics import Metrics


class Release:
    """Sends calls out in the order of the batch, arms timers, keeps states, tells who waits."""

    def __init__(self, memory: Memory, metrics: Metrics) -> None:
        self._states = memory.states
        self._calls = memory.calls
        self._timers = memory.timers
        self._progress = memory.progress
        self._watchers = memory.watchers
        self._outbox = memory.outbox
        self._events = metrics.counter(names.ENGINE_EVENTS)
        self._missed = metrics.counter(names.ENGINE_FIRES_MISSED)
        self._ended = {
            phase: metrics.counter(names.ENGINE_EXECUTIONS_CLOSED, phase=phase.name.lower())
            for phase in CLOSED_PHASES
        }

    def after_commit(self, batch: Sequence[ShardTurn]) -> None:
        """Release what the batch has done."""
        for shard_turn in batch:
            self._shard(shard_turn)
        self._states.trim()

    def _shard(self, shard_turn: ShardTurn) -> None:
        if not shard_turn.changes_nothing():
            shard_turn.owned.commit_number += 1
            shard_turn.owned.clock_us = shard_turn.now_us
            shard_turn.owned.heard_us = shard_turn.heard_us
            self._messages(shard_turn)
        for turn in shard_turn.turns:
            self._turn(turn, shard_turn)
        grown = [turn for turn in shard_turn.turns if turn.events]
        self._watchers.tell(
            (turn.execution_id for turn in grown),
            (turn.execution_id for turn in grown if turn.state and turn.state.phase in CLOSED_PHASES),
        )
        if shard_turn.finished:
            shard_turn.owned.move(shard_turn.applied)
            self._progress.advance(shard_turn.owned.shard, shard_turn.applied)

    def _messages(self, shard_turn: ShardTurn) -> None:
        owned = shard_turn.owned
        owned.outbox_sequence += len(shard_turn.outbox)
        if shard_turn.outbox_gone:
            self._outbox.applied(owned.shard, len(shard_turn.outbox_gone))
        if shard_turn.outbox:
            self._outbox.committed(shard_turn.outbox)

    def _turn(self, turn: Turn, shard_turn: ShardTurn) -> None:
        state = turn.state
        if state is None:
            return
        for effect in turn.calls:
            call = action_call(effect, shard_turn.owned, state)
            if isinstance(effect, CallAction):
                self._calls.call(call, may_be_known=turn.is_recovered)
            else:
                self._calls.cancel(call)
        if turn.timers_armed:
            self._timers.armed(turn.timer_rows())
        if turn.settled_keys:
            self._calls.settle(turn.settled_keys)
        self._keep(turn)

    def _keep(self, turn: Turn) -> None:
        state = turn.state
        assert state is not None
        self._events.add(len(turn.events))
        if state.kind is Kind.TRIGGER:
            self._missed.add(sum(event.missed for event in turn.events if isinstance(event, ScheduleFired)))
        if state.phase not in CLOSED_PHASES:
            if turn.is_forgotten:
                self._states.evict([turn.execution_id])
            else:
                self._states.keep(state, turn.growth)
            return
        if turn.written[:1] != (state.phase,):
            self._ended[state.phase].add()
        if state.owes:
            self._states.keep(state, turn.growth)
        else:
            self._states.evict([turn.execution_id])
