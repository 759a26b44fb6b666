"""What could not be applied: kept as a dead letter, its execution suspended, everything else untouched."""

from dataclasses import replace
from typing import Final, TypeGuard

from tidemill.engine.catalogue import Catalogue
from tidemill.engine.core.apply import apply, begin, change
from tidemill.engine.core.commands import Start
from tidemill.engine.core.decide import opening_event, stopping_of
from tidemill.engine.core.decision import Decision
from tidemill.engine.core.effects import Effect
from tidemill.engine.core.events import Event, ExecutionStarted, ExecutionSuspended
from tidemill.engine.core.history import HistoryError
from tidemill.engine.core.plan import Plan
from tidemill.engine.core.state import ExecutionState, Phase
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.items import (
    HISTORY_KIND,
    Item,
    Keepable,
    LoggedCommand,
    Redriven,
    decode,
    encode,
)
from tidemill.engine.runtime.messages import message_of
from tidemill.engine.runtime.snapshots import load_states
from tidemill.engine.runtime.translate import command_of, source_of
from tidemill.engine.runtime.turns import ShardTurn, Turn
from tidemill.engine.store.port import ReadStore, ShardStore
from tidemill.engine.store.rows import DeadLetterRow
from tidemill.telemetry import names
from tidemill.telemetry.logging import get_logger

ENGINE_ERROR: Final = "engine_error"
_log = get_logger(__name__)
_OPEN: Final = frozenset({Phase.PENDING, Phase.RUNNING, Phase.WAITING})


class Quarantine:
    """Takes an item out of the way. Its partial events are discarded; the offset moves on all the same."""

    def __init__(
        self, shard_store: ShardStore, read_store: ReadStore, catalogue: Catalogue, environment: Environment
    ) -> None:
        self._check = environment.check
        self._catalogue = catalogue
        self._shard_store = shard_store
        self._read_store = read_store
        self._dead_letters = environment.metrics.counter(names.ENGINE_DEAD_LETTERS)

    async def taken_up(self, command: LoggedCommand) -> Redriven:
        """What a command that redrives a dead letter takes up: the letter's item, where it is still kept."""
        number = command.record.redrive.number
        found = await self._read_store.dead_letters("", number - 1, 1)
        kept = next((_item_of(row) for row in found if row.number == number), None)
        return Redriven(command.shard, command.execution_id, command.offset, number, kept)

    async def item(self, item: Keepable, turn: Turn, shard_turn: ShardTurn, error: str) -> None:
        """Keep the item and suspend its execution, as it was before the item came."""
        self.keep(item, turn, shard_turn, error)
        if not turn.quarantined:
            turn.state = await self._before(turn, shard_turn)
            self._suspend(item, turn, shard_turn)

    def unapplied(self, item: Keepable, turn: Turn, shard_turn: ShardTurn, error: str) -> None:
        """The same for an item that has not touched its execution."""
        self.keep(item, turn, shard_turn, error)
        if not turn.quarantined:
            # What is not whole, such as a start without its input, is loaded when it is needed again.
            turn.is_forgotten = True
            self._suspend(item, turn, shard_turn)

    def _suspend(self, item: Keepable, turn: Turn, shard_turn: ShardTurn) -> None:
        if turn.state is None:
            self._hold_start(item, turn, shard_turn)
        elif turn.state.phase in _OPEN:
            self._record(turn, [ExecutionSuspended(ENGINE_ERROR)], item, shard_turn.now_us)

    def keep(self, item: Keepable, turn: Turn, shard_turn: ShardTurn, error: str) -> None:
        """Keep the item, and leave its execution as it is."""
        kind, data = encode(item)
        letter = DeadLetterRow(
            0, item.shard, item.execution_id, _namespace_of(item, turn), kind, data, error, shard_turn.now_us
        )
        self._keep(letter, shard_turn)

    async def history(self, turn: Turn, shard_turn: ShardTurn, error: HistoryError) -> None:
        """Mark an execution whose history does not fold; nothing is added to that history."""
        turn.quarantined = True
        row = (await self._read_store.get([turn.execution_id])).get(turn.execution_id)
        if row is None or row.reason == ENGINE_ERROR:
            return
        turn.replaced_row = replace(row, phase=int(Phase.SUSPENDED), reason=ENGINE_ERROR)
        letter = DeadLetterRow(
            0, turn.shard, turn.execution_id, row.namespace, HISTORY_KIND, b"", str(error), shard_turn.now_us
        )
        self._keep(letter, shard_turn)

    def _keep(self, letter: DeadLetterRow, shard_turn: ShardTurn) -> None:
        self._dead_letters.add()
        _log.error(
            "an item could not be applied",
            execution_id=letter.execution_id,
            kind=letter.kind,
            error=letter.error,
        )
        shard_turn.dead_letters.append(letter)

    async def _before(self, turn: Turn, shard_turn: ShardTurn) -> ExecutionState | None:
        """The state without the item's partial events: what is stored, and what this batch has decided."""
        found = await load_states(self._shard_store, self._check, [turn.execution_id])
        loaded = found.get(turn.execution_id)
        state = loaded.state if loaded else None
        if isinstance(state, HistoryError):
            raise state
        for event in turn.events:
            state = apply(state, event, shard_turn.now_us, execution_id=turn.execution_id)
        return state

    def _hold_start(self, item: Keepable, turn: Turn, shard_turn: ShardTurn) -> None:
        """A start that raised still makes an execution, suspended before its first task: it was accepted."""
        if not isinstance(item, LoggedCommand) or not item.record.HasField("start"):
            return
        start = command_of(item)
        assert isinstance(start, Start)
        started, plan = self._opening(start, shard_turn.now_us)
        suspended = ExecutionSuspended(ENGINE_ERROR)
        effects: list[Effect] = []
        state = begin(turn.execution_id, started, shard_turn.now_us, effects)
        change(state, suspended, shard_turn.now_us, effects)
        messages = turn.add(Decision(state, [started, suspended], effects), source_of(item))
        if plan is not None:
            for message in messages:
                shard_turn.send(message_of(message, state, plan))

    def _opening(self, start: Start, now_us: int) -> tuple[ExecutionStarted, Plan | None]:
        """The first event, with what the plan adds to it; without that where even the plan raises."""
        try:
            plan = self._catalogue.plan(start.namespace, start.workflow, start.version, start.kind)
            taken, timeout_at_us = plan.take_input(start.execution_id, start.input, now_us)
            stopping = stopping_of(plan, start, now_us)
        except Exception:
            return opening_event(start), None
        return opening_event(start, taken, timeout_at_us, stopping=stopping), plan

    @staticmethod
    def _record(turn: Turn, events: list[Event], item: Keepable, now_us: int) -> None:
        for event in events:
            turn.state = apply(turn.state, event, now_us, execution_id=turn.execution_id)
        turn.add(Decision(turn.state, events, []), source_of(item))


def names_dead_letter(item: Item) -> TypeGuard[LoggedCommand]:
    """Whether the item is a command that redrives a dead letter."""
    return isinstance(item, LoggedCommand) and item.record.HasField("redrive")


def _item_of(row: DeadLetterRow) -> Keepable | None:
    """The item of a dead letter; None for one that holds none."""
    return decode(row.kind, row.item, shard=row.shard, execution_id=row.execution_id)


def _namespace_of(item: Keepable, turn: Turn) -> str:
    if turn.state is not None:
        return turn.state.namespace
    return item.record.namespace if isinstance(item, LoggedCommand) else ""
