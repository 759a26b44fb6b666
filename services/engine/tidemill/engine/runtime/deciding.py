"""The first part of the batch step: loads what the items touch, and lets the core decide on each."""

import asyncio
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, assert_never

from tidemill.api.errors.v1.error_reason_pb2 import ErrorReason
from tidemill.engine.catalogue import Catalogue
from tidemill.engine.core.commands import Command, Resume, Start
from tidemill.engine.core.decide import decide
from tidemill.engine.core.decision import Rejection, RejectionReason
from tidemill.engine.core.history import HistoryError
from tidemill.engine.core.owed import owed_effects
from tidemill.engine.core.plan import Plan
from tidemill.engine.core.state import ExecutionState, Phase
from tidemill.engine.runtime.entering import Entering
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.items import (
    ActionAnswer,
    DueTimer,
    Item,
    Keepable,
    LoggedCommand,
    Message,
    OwedWork,
    Poisoned,
    Redriven,
    SnapshotDue,
)
from tidemill.engine.runtime.lane_deciding import LaneDeciding, lane_command_of
from tidemill.engine.runtime.messages import message_of
from tidemill.engine.runtime.ownership import Ownership
from tidemill.engine.runtime.quarantine import Quarantine, names_dead_letter
from tidemill.engine.runtime.redeeming import Redeeming
from tidemill.engine.runtime.snapshots import Loaded
from tidemill.engine.runtime.translate import command_of, source_of
from tidemill.engine.runtime.turns import ShardTurn, Turn
from tidemill.errors import TidemillError, to_item_error
from tidemill.namespaces import ANY_NAMESPACE
from tidemill.storage import StorageUnavailableError

_SEED_BITS: Final = 64
# After so many items, two milliseconds, whatever else waits in the loop gets its turn: starts that are to be
# acknowledged above all.
_ITEMS_A_TURN: Final = 16


@dataclass(slots=True)
class _Batch:
    """What a batch has touched so far."""

    shard_turns: dict[int, ShardTurn] = field(default_factory=dict)
    turns: dict[str, Turn] = field(default_factory=dict)


class Deciding:
    """Runs the core over a batch. A command that raises costs itself alone."""

    def __init__(
        self,
        ownership: Ownership,
        catalogue: Catalogue,
        lane_deciding: LaneDeciding,
        quarantine: Quarantine,
        environment: Environment,
    ) -> None:
        self._redeeming = Redeeming(environment)
        self._states = ownership.memory.states
        self._outbox = ownership.memory.outbox
        self._catalogue = catalogue
        self._ownership = ownership
        self._lanes = lane_deciding
        self._entering = Entering(catalogue, lane_deciding)
        self._quarantine = quarantine
        self._clock = environment.clock
        self._source = environment.source
        self._settings = environment.settings

    async def decide(self, items: Sequence[Item]) -> list[ShardTurn]:
        """What the items change, by shard; an item of a shard not owned is dropped (the log has it).

        Raises TooLargeAtOnceError, before anything is changed, where memory had better take fewer at once.
        The messages that they send to their own shards are applied in further rounds of the same batch.
        """
        batch = _Batch()
        if any(map(names_dead_letter, items)):
            items = [
                await self._quarantine.taken_up(item) if names_dead_letter(item) else item for item in items
            ]
        large_bytes_max: int | None = self._settings.batch_large_bytes_max
        while items:
            await self._round(items, batch, large_bytes_max)
            # What messages lead to is loaded however large it is: others have been decided by then.
            large_bytes_max = None
            items = [message for turn in batch.shard_turns.values() for message in turn.take_messages()]
        return list(batch.shard_turns.values())

    async def _round(self, items: Sequence[Item], batch: _Batch, large_bytes_max: int | None) -> None:
        self._open_shards(items, batch.shard_turns)
        states = await self._states.load(items, batch.turns, large_bytes_max=large_bytes_max)
        await self._lanes.prepare(items, self._entering.counters(items), batch.shard_turns)
        for number, item in enumerate(items, 1):
            if number % _ITEMS_A_TURN == 0:
                await asyncio.sleep(0)
            shard_turn = batch.shard_turns.get(item.shard)
            if shard_turn is None:
                continue
            if (command := lane_command_of(item)) is not None:
                await self._decide_lane(item, command, shard_turn)
                continue
            turn = batch.turns.get(item.execution_id)
            if turn is None:
                loaded = states.get(item.execution_id)
                turn = batch.turns[item.execution_id] = _turn(item, loaded)
                shard_turn.turns.append(turn)
                if loaded is not None and isinstance(loaded.state, HistoryError):
                    await self._quarantine.history(turn, shard_turn, loaded.state)
            await self._decide_item(item, turn, shard_turn)

    def _open_shards(self, items: Sequence[Item], shard_turns: dict[int, ShardTurn]) -> None:
        shown_us = _shown_us(items)
        for shard in {item.shard for item in items}:
            owned = self._ownership.owned.get(shard)
            if owned is None or shard in shard_turns:
                continue
            # Time of a shard never goes back, whatever the clocks say: not behind its last commit,
            # and not behind the time that a timer was found due at.
            now_us = max(self._clock.now_us(), owned.clock_us, shown_us.get(shard, 0))
            shard_turns[shard] = ShardTurn(
                owned,
                now_us,
                shards=self._settings.shards,
                snapshot_events_min=self._settings.snapshot_events_min,
                messages_left=self._settings.messages_a_batch_max if self._outbox.is_clear(shard) else 0,
            )

    async def _decide_lane(self, item: Item, command: LoggedCommand | Message, shard_turn: ShardTurn) -> None:
        """Apply a command to its lane; one that raises goes to the dead letters."""
        if isinstance(item, Redriven):
            self._take_up(item, shard_turn)
        elif isinstance(command, LoggedCommand) and command.repeated:
            _finish(command, shard_turn)
            return
        try:
            await self._lanes.decide(command, shard_turn)
        except StorageUnavailableError:
            raise  # the item is not at fault, and comes again
        except Exception:
            self._quarantine.keep(command, Turn("", item.shard, None), shard_turn, traceback.format_exc())
        if command is item:
            _finish(command, shard_turn)

    async def _decide_item(self, item: Item, turn: Turn, shard_turn: ShardTurn) -> None:
        match item:
            case LoggedCommand() | ActionAnswer() | DueTimer() | Message():
                await self._guarded(item, turn, shard_turn)
                self._done(item, turn, shard_turn)
            case OwedWork():
                if turn.state is not None:
                    turn.is_recovered = True
                    turn.add_effects(owed_effects(turn.state))
            case SnapshotDue():
                turn.snapshot_due = turn.state is not None
            case Redriven():
                await self._redrive(item, turn, shard_turn)
            case Poisoned():
                if item.bare:
                    self._quarantine.keep(item.item, turn, shard_turn, item.error)
                else:
                    self._quarantine.unapplied(item.item, turn, shard_turn, item.error)
                self._done(item.item, turn, shard_turn)
            case _:
                assert_never(item)

    async def _guarded(self, item: Keepable, turn: Turn, shard_turn: ShardTurn) -> bool:
        """Apply the item; one that raises goes to the dead letters and suspends its execution."""
        try:
            await self._apply(item, turn, shard_turn)
        except StorageUnavailableError:
            raise  # the item is not at fault, and comes again
        except Exception:
            await self._quarantine.item(item, turn, shard_turn, traceback.format_exc())
            return False
        return True

    async def _apply(self, item: Keepable, turn: Turn, shard_turn: ShardTurn) -> None:
        command = command_of(item)
        if turn.quarantined:
            raise HistoryError("the execution's history does not fold")
        if isinstance(item, LoggedCommand) and item.repeated:
            return
        if refusal := _refusal(item, command, turn.state):
            self._reject(item, shard_turn, refusal)
            return
        if turn.state is None and not isinstance(command, Start):
            return  # what was meant for an execution that is long gone
        plan = await self._plan(command, turn.state)
        if turn.state is None and isinstance(command, Start):
            refusal = await self._entering.admit(command, plan, shard_turn)
            if refusal is not None:
                self._reject(item, shard_turn, refusal)
                return
        await self._run(command, turn, shard_turn, plan=plan, item=item)

    async def _run(
        self, command: Command, turn: Turn, shard_turn: ShardTurn, *, plan: Plan, item: Keepable
    ) -> None:
        counted = plan.reentry is not None
        before = turn.state.phase if counted and turn.state is not None else Phase.PENDING
        seed = self._source.getrandbits(_SEED_BITS)
        decision = decide(plan, turn.state, command, now_us=shard_turn.now_us, seed=seed)
        if decision.rejection is not None:
            self._reject(item, shard_turn, decision.rejection)
            return
        messages = turn.add(decision, source_of(item))
        state = decision.state
        if state is None:
            return
        for message in messages:
            shard_turn.send(message_of(message, state, plan))
        if counted:
            await self._entering.follow(before, state, plan, shard_turn)

    async def _plan(self, command: Command, state: ExecutionState | None) -> Plan:
        about = state if state is not None else command
        assert isinstance(about, ExecutionState | Start)
        if not self._catalogue.has(about.namespace, about.workflow, about.version):
            await self._catalogue.load()  # another engine has published it a moment ago
        return self._catalogue.plan(about.namespace, about.workflow, about.version, about.kind)

    async def _redrive(self, item: Redriven, turn: Turn, shard_turn: ShardTurn) -> None:
        """Apply the dead letter's item, as a fact while still suspended, then let the execution go on."""
        self._take_up(item, shard_turn)
        if item.item is None:
            return
        kept = await self._redeeming.redeem(item.item)
        if isinstance(kept, Poisoned):
            self._quarantine.unapplied(kept.item, turn, shard_turn, kept.error)
            return
        if not await self._guarded(kept, turn, shard_turn):
            return
        if turn.state is None or turn.state.phase is not Phase.SUSPENDED:
            return
        try:
            plan = await self._plan(Resume(), turn.state)
            await self._run(Resume(), turn, shard_turn, plan=plan, item=kept)
        except StorageUnavailableError:
            raise  # the item is not at fault, and comes again
        except Exception:
            await self._quarantine.item(kept, turn, shard_turn, traceback.format_exc())

    @staticmethod
    def _take_up(item: Redriven, shard_turn: ShardTurn) -> None:
        shard_turn.dead_letters_gone.append(item.number)
        shard_turn.finished.append(item.offset)

    @staticmethod
    def _reject(item: Keepable, shard_turn: ShardTurn, rejection: Rejection) -> None:
        """Keep why a client's command was rejected; nobody asks what became of a message."""
        if isinstance(item, LoggedCommand) and not item.record.source_sequence:
            reason = ErrorReason.Value(f"ERROR_REASON_{rejection.reason.value}")
            error = TidemillError(reason, rejection.message, rejection.metadata)
            shard_turn.reject(item.offset, to_item_error(error))

    @staticmethod
    def _done(item: Keepable, turn: Turn, shard_turn: ShardTurn) -> None:
        """Whatever became of the item, it is not to come again."""
        _finish(item, shard_turn)
        match item:
            case ActionAnswer():
                turn.settled_keys.append(item.result.key)
            case DueTimer():
                if turn.state is None:
                    shard_turn.timers_gone.append((item.execution_id, item.timer_id))
                else:
                    turn.timer_gone(item.timer_id)
            case _:
                pass


def _turn(item: Item, loaded: Loaded | None) -> Turn:
    if loaded is None or isinstance(loaded.state, HistoryError):
        return Turn(item.execution_id, item.shard, None)
    return Turn(item.execution_id, item.shard, loaded.state, growth=loaded.growth)


def _shown_us(items: Iterable[Item]) -> dict[int, int]:
    """The latest time at which a timer of a shard is due: the clock has shown it before it went back."""
    shown_us: dict[int, int] = {}
    for item in items:
        if isinstance(item, DueTimer):
            shown_us[item.shard] = max(shown_us.get(item.shard, 0), item.due_at_us)
    return shown_us


def _finish(item: Keepable, shard_turn: ShardTurn) -> None:
    if isinstance(item, LoggedCommand):
        shard_turn.finished.append(item.offset)
    elif isinstance(item, Message) and item.sequence:
        shard_turn.outbox_gone.append(item.sequence)


def _refusal(item: Keepable, command: Command, state: ExecutionState | None) -> Rejection | None:
    """Refuse a logged command for an execution that is not there, or not in the namespace it names."""
    if not isinstance(item, LoggedCommand) or item.record.source_sequence or isinstance(command, Start):
        return None
    if state is not None and item.record.namespace in (ANY_NAMESPACE, state.namespace):
        return None
    return Rejection(
        RejectionReason.EXECUTION_NOT_FOUND,
        f"there is no execution {item.execution_id}",
        {"execution_id": item.execution_id},
    )
