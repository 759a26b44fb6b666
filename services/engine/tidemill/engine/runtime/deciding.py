"""The first part of the batch step: loads states and lets the core decide item after item."""

import traceback
from collections.abc import Sequence
from typing import Final, assert_never

from tidemill.api.errors.v1.error_reason_pb2 import ErrorReason
from tidemill.engine.catalogue import Catalogue
from tidemill.engine.core.commands import Command, Resume, Start
from tidemill.engine.core.decide import decide
from tidemill.engine.core.decision import Decision, Rejection, RejectionReason
from tidemill.engine.core.history import HistoryError
from tidemill.engine.core.owed import owed_effects
from tidemill.engine.core.plan import Plan
from tidemill.engine.core.state import ExecutionState, Phase
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.items import (
    ActionAnswer,
    DueTimer,
    Item,
    Keepable,
    LoggedCommand,
    OwedWork,
    Poisoned,
    Redriven,
)
from tidemill.engine.runtime.ownership import Ownership
from tidemill.engine.runtime.quarantine import Quarantine
from tidemill.engine.runtime.states import States
from tidemill.engine.runtime.translate import command_of, source_of
from tidemill.engine.runtime.turns import ShardTurn, Turn
from tidemill.errors import TidemillError, to_item_error
from tidemill.namespaces import ANY_NAMESPACE

_SEED_BITS: Final = 64


class Deciding:
    """Runs the core over a batch. A command that raises costs itself alone."""

    def __init__(
        self,
        states: States,
        catalogue: Catalogue,
        ownership: Ownership,
        quarantine: Quarantine,
        environment: Environment,
    ) -> None:
        self._states = states
        self._catalogue = catalogue
        self._ownership = ownership
        self._quarantine = quarantine
        self._clock = environment.clock
        self._source = environment.source

    async def decide(self, items: Sequence[Item]) -> list[ShardTurn]:
        """What the items change, by shard; an item of a shard not owned is dropped (the log has it)."""
        shard_turns: dict[int, ShardTurn] = {}
        turns: dict[str, Turn] = {}
        states = await self._states.load(items)
        for item in items:
            shard_turn = self._shard_turn(item.shard, shard_turns)
            if shard_turn is None:
                continue
            turn = turns.get(item.execution_id)
            if turn is None:
                turn = turns[item.execution_id] = await self._turn(item, states, shard_turn)
                shard_turn.turns.append(turn)
            await self._decide_item(item, turn, shard_turn)
        return list(shard_turns.values())

    def _shard_turn(self, shard: int, shard_turns: dict[int, ShardTurn]) -> ShardTurn | None:
        shard_turn = shard_turns.get(shard)
        if shard_turn is None and (owned := self._ownership.owned.get(shard)) is not None:
            # Time of a shard never goes back, whatever the clocks of its owners say.
            now_us = max(self._clock.now_us(), owned.clock_us)
            shard_turn = shard_turns[shard] = ShardTurn(owned, now_us, owned.log_offset)
        return shard_turn

    async def _turn(
        self, item: Item, states: dict[str, ExecutionState | HistoryError], shard_turn: ShardTurn
    ) -> Turn:
        state = states.get(item.execution_id)
        if isinstance(state, HistoryError):
            turn = Turn(item.execution_id, item.shard, None)
            await self._quarantine.history(turn, shard_turn, state)
            return turn
        return Turn(item.execution_id, item.shard, state)

    async def _decide_item(self, item: Item, turn: Turn, shard_turn: ShardTurn) -> None:
        match item:
            case OwedWork():
                if turn.state is not None:
                    turn.add_effects(owed_effects(turn.state))
            case Redriven():
                await self._redrive(item, turn, shard_turn)
            case Poisoned():
                if item.bare:
                    self._quarantine.keep(item.item, turn, shard_turn, item.error)
                else:
                    await self._quarantine.item(item.item, turn, shard_turn, item.error)
                self._done(item.item, turn, shard_turn)
            case LoggedCommand() | ActionAnswer() | DueTimer():
                await self._guarded(item, turn, shard_turn)
                self._done(item, turn, shard_turn)
            case _:
                assert_never(item)

    async def _guarded(self, item: Keepable, turn: Turn, shard_turn: ShardTurn) -> bool:
        """Apply the item; one that raises goes to the dead letters and suspends its execution."""
        try:
            self._apply(item, turn, shard_turn)
        except Exception:
            await self._quarantine.item(item, turn, shard_turn, traceback.format_exc())
            return False
        return True

    def _apply(self, item: Keepable, turn: Turn, shard_turn: ShardTurn) -> None:
        command = command_of(item)
        if turn.quarantined:
            raise HistoryError("the execution's history does not fold")
        if refusal := _refusal(item, command, turn.state):
            self._reject(item, shard_turn, refusal)
            return
        if turn.state is None and not isinstance(command, Start):
            return  # the answer or timer of an execution that is long gone
        decision = self._run(command, turn, shard_turn.now_us)
        if decision.rejection is not None:
            self._reject(item, shard_turn, decision.rejection)
        else:
            turn.add(decision, source_of(item))

    def _run(self, command: Command, turn: Turn, now_us: int) -> Decision:
        seed = self._source.getrandbits(_SEED_BITS)
        return decide(self._plan(command, turn.state), turn.state, command, now_us=now_us, seed=seed)

    def _plan(self, command: Command, state: ExecutionState | None) -> Plan:
        if state is not None:
            return self._catalogue.plan(state.namespace, state.workflow, state.version)
        assert isinstance(command, Start)
        return self._catalogue.plan(command.namespace, command.workflow, command.version)

    async def _redrive(self, item: Redriven, turn: Turn, shard_turn: ShardTurn) -> None:
        """Apply the dead letter's item, as a fact while still suspended, then let the execution go on."""
        shard_turn.dead_letters_gone.append(item.number)
        if not await self._guarded(item.item, turn, shard_turn):
            return
        if turn.state is None or turn.state.phase is not Phase.SUSPENDED:
            return
        try:
            turn.add(self._run(Resume(), turn, shard_turn.now_us), source_of(item.item))
        except Exception:
            await self._quarantine.item(item.item, turn, shard_turn, traceback.format_exc())

    @staticmethod
    def _reject(item: Keepable, shard_turn: ShardTurn, rejection: Rejection) -> None:
        if isinstance(item, LoggedCommand):
            reason = ErrorReason.Value(f"ERROR_REASON_{rejection.reason.value}")
            error = TidemillError(reason, rejection.message, rejection.metadata)
            shard_turn.reject(item.offset, to_item_error(error))

    @staticmethod
    def _done(item: Keepable, turn: Turn, shard_turn: ShardTurn) -> None:
        """Whatever became of the item, it is not to come again."""
        match item:
            case LoggedCommand():
                shard_turn.log_offset = item.offset + 1
            case ActionAnswer():
                turn.settled_keys.append(item.result.key)
            case DueTimer():
                if turn.state is None:
                    shard_turn.timers_gone.append((item.execution_id, item.timer_id))
                else:
                    turn.timer_gone(item.timer_id)


def _refusal(item: Keepable, command: Command, state: ExecutionState | None) -> Rejection | None:
    """Refuse a logged command for an execution that is not there, or not in the namespace it names."""
    if not isinstance(item, LoggedCommand) or isinstance(command, Start):
        return None
    if state is not None and item.record.namespace in (ANY_NAMESPACE, state.namespace):
        return None
    return Rejection(
        RejectionReason.EXECUTION_NOT_FOUND,
        f"there is no execution {item.execution_id}",
        {"execution_id": item.execution_id},
    )
