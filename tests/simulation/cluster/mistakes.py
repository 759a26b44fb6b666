"""Errors put into the engine on purpose: anybody could make them, and the simulation must find each."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any, Final, TypeAlias
from unittest.mock import patch

from tidemill.applied_offsets import AppliedOffsets
from tidemill.engine.core.effects import CallAction, CancelAction, Effect
from tidemill.engine.core.owed import owed_effects
from tidemill.engine.core.state import ExecutionState
from tidemill.engine.runtime import (
    batch,
    deciding,
    intake,
    outbox,
    ownership,
    recovery,
    states,
    timers,
    turns,
)
from tidemill.engine.runtime.inbox import Inbox
from tidemill.engine.runtime.lane_deciding import LaneDeciding
from tidemill.engine.runtime.membership import Membership
from tidemill.engine.runtime.owned_shard import OwnedShard
from tidemill.engine.runtime.translate import action_call
from tidemill.engine.store.memory.store import MemoryStore
from tidemill.engine.store.rows import ShardCommit, ShardRow
from tidemill.storage import StorageRefusedError, StorageUnavailableError

Mistake: TypeAlias = Callable[[], AbstractContextManager[object]]
# The methods of the engine are replaced by functions that stand in for them, whatever they are called with.
Self: TypeAlias = Any
AHEAD_US: Final = 2_000_000


def _no_fence() -> AbstractContextManager[object]:
    """The store writes commits of any epoch."""

    async def commit(store: Self, commits: Sequence[ShardCommit]) -> set[int]:
        for each in commits:
            store._write(each)
        return {each.shard for each in commits}

    return patch.object(MemoryStore, "commit", commit)


def _states_survive() -> AbstractContextManager[object]:
    """Losing shards leaves the states of their executions in memory."""
    return patch.object(states.States, "drop", _nothing)


def _refused_states_survive() -> AbstractContextManager[object]:
    """States that a refused commit has touched stay in memory."""
    whole = batch.BatchLoop._commit

    async def commit(loop: Self, turns_: Sequence[turns.ShardTurn]) -> set[int]:
        try:
            return await whole(loop, turns_)
        except StorageRefusedError:
            loop._states.evict = lambda _: delattr(loop._states, "evict")
            raise

    return patch.object(batch.BatchLoop, "_commit", commit)


def _inbox_survives() -> AbstractContextManager[object]:
    """Losing shards leaves in the inbox what came for them, although the log is read again."""
    return patch.object(Inbox, "drop", _nothing)


def _owed_forgotten() -> AbstractContextManager[object]:
    """Whoever takes a shard does not look for what it owes."""
    return patch.object(recovery.Recovery, "begin", _nothing)


def _cancellations_forgotten() -> AbstractContextManager[object]:
    """Whoever takes a shard looks for calls alone, not for cancellations."""

    def calls_alone(state: ExecutionState) -> list[Effect]:
        return [effect for effect in owed_effects(state) if not isinstance(effect, CancelAction)]

    return patch.object(deciding, "owed_effects", calls_alone)


def _outbox_forgotten() -> AbstractContextManager[object]:
    """Whoever takes a shard does not look for messages that wait."""

    def begin(held: Self, taken: Mapping[int, OwnedShard]) -> None:
        for shard, row in taken.items():
            known = row.outbox_sequence
            held._shards[shard] = outbox._Shard(row, known=known, read=known)

    return patch.object(outbox.Outbox, "begin", begin)


def _offset_first() -> AbstractContextManager[object]:
    """The offset is committed before the events."""
    whole = batch.BatchLoop._commit

    async def commit(loop: Self, turns_: Sequence[turns.ShardTurn]) -> set[int]:
        moved = [turn for turn in turns_ if turn.finished]
        if moved:
            await loop._store.commit([_offset_alone(turn) for turn in moved])
            for turn in moved:
                turn.owned.commit_number += 1
        return await whole(loop, turns_)

    return patch.object(batch.BatchLoop, "_commit", commit)


def _offset_alone(turn: turns.ShardTurn) -> ShardCommit:
    owned = turn.owned
    number = owned.commit_number + 1
    applied = owned.applied.with_applied(turn.finished)
    return ShardCommit(
        owned.shard,
        owned.epoch,
        applied.next,
        turn.now_us,
        number,
        owned.outbox_sequence,
        applied.ahead_bytes(),
    )


def _commit_again() -> AbstractContextManager[object]:
    """A commit of unknown outcome is tried again."""
    whole = batch.BatchLoop._commit

    async def commit(loop: Self, turns_: Sequence[turns.ShardTurn]) -> set[int]:
        try:
            return await whole(loop, turns_)
        except StorageUnavailableError:
            return await whole(loop, turns_)

    return patch.object(batch.BatchLoop, "_commit", commit)


def _calls_before_commit() -> AbstractContextManager[object]:
    """Calls leave before the commit."""
    whole = batch.BatchLoop._commit

    async def commit(loop: Self, turns_: Sequence[turns.ShardTurn]) -> set[int]:
        for shard_turn in turns_:
            for turn in shard_turn.turns:
                for effect in turn.calls:
                    if isinstance(effect, CallAction) and turn.state is not None:
                        loop._ownership.memory.calls.call(action_call(effect, shard_turn.owned, turn.state))
        return await whole(loop, turns_)

    return patch.object(batch.BatchLoop, "_commit", commit)


def _timers_early() -> AbstractContextManager[object]:
    """Timers fire a little early."""

    def fire_due(held: Self, limit: int) -> int:
        with patch.object(held, "_clock", _Ahead(held._clock)):
            return fire(held, limit)

    fire = timers.Timers.fire_due
    return patch.object(timers.Timers, "fire_due", fire_due)


class _Ahead:
    """A clock that is ahead of another."""

    def __init__(self, clock: Self) -> None:
        self._clock = clock

    def now_us(self) -> int:
        return int(self._clock.now_us()) + AHEAD_US


@contextmanager
def _horizon_late() -> Iterator[None]:
    """The horizon of timers is raised after the page is read: what is armed meanwhile falls between."""
    read = timers.Timers._read_shards

    def raise_horizon(held: Self) -> None:
        now_us = held._clock.now_us()
        held._read_again_us = now_us + held._settings.timer_horizon_us // 2

    async def read_shards(held: Self, shards: tuple[int, ...]) -> None:
        wanted_us = held._clock.now_us() + held._settings.timer_horizon_us
        before_us, armed = held._horizon_us, held.armed
        held._horizon_us = wanted_us
        held.armed = lambda rows: armed([row for row in rows if row.due_at_us <= before_us])
        try:
            await read(held, shards)
        finally:
            del held.armed

    with (
        patch.object(timers.Timers, "raise_horizon", raise_horizon),
        patch.object(timers.Timers, "_read_shards", read_shards),
    ):
        yield


def _repeats_applied() -> AbstractContextManager[object]:
    """A message that comes again is applied again."""
    return patch.object(OwnedShard, "is_repeat", lambda owned, offset, record: False)


def _ahead_forgotten() -> AbstractContextManager[object]:
    """Whoever takes a shard begins with the first command that is not applied, and does not ask which are."""
    owned = ownership._owned
    return patch.object(
        ownership, "_owned", lambda row: replace(owned(row), applied=AppliedOffsets(row.log_offset))
    )


def _clock_goes_back() -> AbstractContextManager[object]:
    """An owner with a slower clock lets the shard's time go back."""
    owned = ownership._owned
    return patch.object(ownership, "_owned", lambda row: replace(owned(row), clock_us=0))


def _intake_from_the_end() -> AbstractContextManager[object]:
    """Whoever takes a shard reads its log from where it ends, not from where the store has come."""

    def begin(held: Self, taken: Mapping[int, OwnedShard]) -> None:
        progress = held._ownership.memory.progress
        for shard, row in taken.items():
            held._next[shard] = (row, max(progress._ends.get(shard, 0), row.log_offset))

    return patch.object(intake.Intake, "_begin", begin)


def _fence_unnoticed() -> AbstractContextManager[object]:
    """An owner that was replaced goes on as if it were not."""
    return patch.object(ownership.Ownership, "fence", _nothing)


def _unheld_kept() -> AbstractContextManager[object]:
    """What the store takes for an engine's, and its memory does not hold, is not given up."""
    whole = Membership._give_up

    async def give_up(held: Self, rows: Sequence[ShardRow]) -> bool:
        owner = held._ownership
        return await whole(
            held, [row for row in rows if row.owner != owner.owner or row.shard in owner.owned]
        )

    return patch.object(Membership, "_give_up", give_up)


def _outage_is_poison() -> AbstractContextManager[object]:
    """A read that fails is taken for a fault of the command."""
    whole = LaneDeciding._make_room

    async def make_room(held: Self, lane: Self) -> None:
        try:
            await whole(held, lane)
        except StorageUnavailableError as error:
            raise RuntimeError("the lane cannot be read") from error

    return patch.object(LaneDeciding, "_make_room", make_room)


def _idle_spin() -> AbstractContextManager[object]:
    """Without shards the loop of timers does not wait."""
    whole = timers.Timers.wait_us
    return patch.object(timers.Timers, "wait_us", lambda held: whole(held) if held._shards else 0)


def _nothing(_held: Self, _given: Collection[object]) -> None:
    return None


MISTAKES: Final[Mapping[str, Mistake]] = {
    "no-fence": _no_fence,
    "states-survive": _states_survive,
    "refused-states-survive": _refused_states_survive,
    "inbox-survives": _inbox_survives,
    "owed-forgotten": _owed_forgotten,
    "cancellations-forgotten": _cancellations_forgotten,
    "outbox-forgotten": _outbox_forgotten,
    "offset-first": _offset_first,
    "commit-again": _commit_again,
    "calls-before-commit": _calls_before_commit,
    "timers-early": _timers_early,
    "horizon-late": _horizon_late,
    "ahead-forgotten": _ahead_forgotten,
    "repeats-applied": _repeats_applied,
    "clock-goes-back": _clock_goes_back,
    "intake-from-the-end": _intake_from_the_end,
    "fence-unnoticed": _fence_unnoticed,
    "unheld-kept": _unheld_kept,
    "outage-is-poison": _outage_is_poison,
    "idle-spin": _idle_spin,
}
