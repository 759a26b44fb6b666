"""The store in memory: the oracle that the others are compared with, and the store of simulations."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tidemill.applied_offsets import AppliedOffsets
from tidemill.clock import Clock, SystemClock
from tidemill.engine.store.leases import Leases
from tidemill.engine.store.memory.lanes import MemoryLanes
from tidemill.engine.store.memory.retention import MemoryRetention
from tidemill.engine.store.port import NO_CONTENTS
from tidemill.engine.store.rows import (
    TRIGGER_KIND,
    DeadLetterRow,
    DefinitionRow,
    ExecutionFilter,
    ExecutionRow,
    HistoryRow,
    LeaseRow,
    OutboxRow,
    RejectionRow,
    ShardCommit,
    ShardRow,
    StoredExecution,
    TimerRow,
)


class MemoryStore(MemoryLanes, MemoryRetention):
    """Implements all ports of the store in dictionaries; nothing survives."""

    is_shared = True

    def __init__(self, shards: int, clock: Clock | None = None) -> None:
        super().__init__()
        self._clock = clock or SystemClock()
        self._leases = Leases()
        self._log_identity = ""
        self._shards = {shard: ShardRow(shard, 0, 0, 0, 0) for shard in range(shards)}
        self._shard_histories = {shard: [] for shard in range(shards)}
        self._outbox: dict[tuple[int, int], OutboxRow] = {}
        self._peers: dict[tuple[int, int], int] = {}
        self._cursors: dict[tuple[str, int], int] = {}
        self._timers: dict[tuple[str, str], TimerRow] = {}
        self._rejections: dict[tuple[int, int], RejectionRow] = {}
        self._dead_letters: dict[int, DeadLetterRow] = {}
        self._dead_letter_number = 0
        self._definitions: dict[tuple[str, str, str], DefinitionRow] = {}
        self._contents: dict[str, bytes] = {}

    async def take(self, shards: Sequence[int], owner: str) -> list[ShardRow]:
        for shard in shards:
            row = self._shards[shard]
            self._shards[shard] = replace(row, epoch=row.epoch + 1, owner=owner)
        return [self._shards[shard] for shard in sorted(shards)]

    async def renew_lease(self, engine: str, *, ttl_us: int, revision: int) -> list[LeaseRow]:
        return self._leases.renew(LeaseRow(engine, revision), now_us=self._clock.now_us(), ttl_us=ttl_us)

    async def end_lease(self, engine: str) -> None:
        self._leases.end(engine)

    async def shards(self) -> list[ShardRow]:
        return list(self._shards.values())

    async def release(self, items: Sequence[tuple[int, int]]) -> set[int]:
        held = [shard for shard, epoch in items if self._shards[shard].epoch == epoch]
        for shard in held:
            self._shards[shard] = replace(self._shards[shard], owner="")
        return set(held)

    async def claim_log(self, identity: str) -> str:
        self._log_identity = self._log_identity or identity
        return self._log_identity

    async def rebind_log(self, identity: str, places: Mapping[int, AppliedOffsets]) -> None:
        self._log_identity = identity
        for shard, place in places.items():
            row = self._shards[shard]
            self._shards[shard] = replace(
                row,
                epoch=row.epoch + 1,
                log_offset=place.next,
                log_ahead=place.ahead_bytes(),
                owner="",
            )

    async def commit(self, commits: Sequence[ShardCommit]) -> set[int]:
        passed = [commit for commit in commits if self._shards[commit.shard].epoch == commit.epoch]
        for commit in passed:
            self._check_open(commit)
        for commit in passed:
            self._write(commit)
        return {commit.shard for commit in passed}

    def _write(self, commit: ShardCommit) -> None:
        self._move(commit)
        for history in commit.histories:
            self._histories.setdefault(history.execution_id, []).append(history)
        self._shard_histories[commit.shard].extend(commit.histories)
        self._snapshots.update((row.execution_id, row) for row in commit.snapshots)
        self._snapshot_times.update((row.execution_id, commit.clock_us) for row in commit.snapshots)
        for execution in commit.executions:
            self._executions[execution.execution_id] = execution
        for key in commit.timers_gone:
            self._timers.pop(key, None)
        for timer in commit.timers_armed:
            self._timers[timer.execution_id, timer.timer_id] = timer
        for rejection in commit.rejections:
            self._rejections[rejection.shard, rejection.offset] = rejection
        for letter in commit.dead_letters:
            self._dead_letter_number += 1
            self._dead_letters[self._dead_letter_number] = replace(letter, number=self._dead_letter_number)
        for number in commit.dead_letters_gone:
            self._dead_letters.pop(number, None)
        self._write_outbox(commit)
        self._write_lanes(commit)

    def _move(self, commit: ShardCommit) -> None:
        row = self._shards[commit.shard]
        self._shards[commit.shard] = replace(
            row,
            log_offset=commit.log_offset,
            log_ahead=commit.log_ahead,
            clock_us=commit.clock_us,
            commit_number=commit.commit_number,
            outbox_sequence=max(commit.outbox_sequence, row.outbox_sequence),
        )

    def _write_outbox(self, commit: ShardCommit) -> None:
        for sequence in commit.outbox_gone:
            self._outbox.pop((commit.shard, sequence), None)
        self._outbox.update(((row.shard, row.sequence), row) for row in commit.outbox)
        for source, sequence in commit.peers.items():
            self._peers[commit.shard, source] = sequence

    async def load(
        self, execution_ids: Sequence[str], *, whole: bool = False
    ) -> Mapping[str, StoredExecution]:
        known = self._histories.keys() if whole else self._histories.keys() | self._snapshots.keys()
        return {key: self._stored(key, whole=whole) for key in execution_ids if key in known}

    def _stored(self, execution_id: str, *, whole: bool) -> StoredExecution:
        snapshot = None if whole else self._snapshots.get(execution_id)
        after = snapshot.sequence if snapshot else 0
        rows = self._histories.get(execution_id, [])
        return StoredExecution(snapshot, [row for row in rows if row.sequence > after])

    async def peers(self, shards: Sequence[int]) -> Mapping[tuple[int, int], int]:
        return {key: sequence for key, sequence in self._peers.items() if key[0] in shards}

    async def page_outbox(self, shard: int, after_sequence: int, limit: int) -> list[OutboxRow]:
        found = (row for key, row in sorted(self._outbox.items()) if key[0] == shard)
        return [row for row in found if row.sequence > after_sequence][:limit]

    async def discard_outbox(self, items: Sequence[tuple[int, int, Sequence[int]]]) -> set[int]:
        passed = [item for item in items if self._shards[item[0]].epoch == item[1]]
        for shard, _, sequences in passed:
            for sequence in sequences:
                self._outbox.pop((shard, sequence), None)
        return {shard for shard, _, _ in passed}

    async def page_owing(
        self, shard: int, after: tuple[int, str] | None, limit: int
    ) -> list[tuple[int, str]]:
        owing = sorted(
            (row.started_at_us, row.execution_id)
            for row in self._executions.values()
            if row.owes and row.shard == shard
        )
        return [key for key in owing if after is None or key > after][:limit]

    async def page_timers(
        self, shard: int, until_us: int, after: TimerRow | None, limit: int
    ) -> list[TimerRow]:
        due = sorted(
            (row.due_at_us, row.execution_id, row.timer_id)
            for row in self._timers.values()
            if row.shard == shard and row.due_at_us <= until_us
        )
        position = (after.due_at_us, after.execution_id, after.timer_id) if after else None
        return [TimerRow(shard, *key) for key in due if position is None or key > position][:limit]

    async def expire_rejections(self, before_us: int, limit: int) -> int:
        expired = [key for key, row in self._rejections.items() if row.time_us < before_us][:limit]
        for key in expired:
            del self._rejections[key]
        return len(expired)

    async def get(self, execution_ids: Sequence[str]) -> Mapping[str, ExecutionRow]:
        return {key: self._current(self._executions[key]) for key in execution_ids if key in self._executions}

    async def page_executions(self, wanted: ExecutionFilter, limit: int) -> list[ExecutionRow]:
        matching = (row for row in self._executions.values() if _matches(row, wanted))
        ordered = sorted(matching, key=lambda row: (row.started_at_us, row.execution_id), reverse=True)
        return [self._current(row) for row in ordered[:limit]]

    def _current(self, row: ExecutionRow) -> ExecutionRow:
        history = self._histories.get(row.execution_id)
        return replace(row, sequence=history[-1].last_sequence) if history else row

    async def history(self, execution_id: str, sequence: int, limit: int) -> list[HistoryRow]:
        rows = self._histories.get(execution_id, [])
        return [row for row in rows if row.last_sequence >= sequence][:limit]

    async def rejection(self, shard: int, offset: int) -> RejectionRow | None:
        return self._rejections.get((shard, offset))

    async def dead_letters(self, namespace: str, after: int, limit: int) -> list[DeadLetterRow]:
        letters = (row for number, row in sorted(self._dead_letters.items()) if number > after)
        return [row for row in letters if namespace in ("", row.namespace)][:limit]

    async def page_commits(self, shard: int, after_commit: int, limit: int) -> list[HistoryRow]:
        rows = sorted(
            (row for row in self._shard_histories[shard] if row.commit_number > after_commit),
            key=lambda row: (row.commit_number, row.execution_id, row.sequence),
        )
        last = rows[min(limit, len(rows)) - 1].commit_number if rows else 0
        return [row for row in rows if row.commit_number <= last]

    async def last_commits(self) -> Mapping[int, int]:
        return {shard: row.commit_number for shard, row in self._shards.items()}

    async def cursors(self, name: str) -> Mapping[int, int]:
        return {shard: position for (reader, shard), position in self._cursors.items() if reader == name}

    async def move_cursors(self, name: str, positions: Mapping[int, int]) -> None:
        self._cursors.update(((name, shard), position) for shard, position in positions.items())

    async def publish(self, row: DefinitionRow, contents: Mapping[str, bytes] = NO_CONTENTS) -> DefinitionRow:
        key = (row.namespace, row.name, row.version)
        if key not in self._definitions:
            self._definitions[key] = replace(row, revision=len(self._definitions) + 1)
            self._contents.update(contents)
        return self._definitions[key]

    async def contents(self, digests: Sequence[str]) -> Mapping[str, bytes]:
        return {digest: self._contents[digest] for digest in digests if digest in self._contents}

    async def definitions(self, after_revision: int) -> list[DefinitionRow]:
        rows = sorted(self._definitions.values(), key=lambda row: row.revision)
        return [row for row in rows if row.revision > after_revision]

    async def close(self) -> None:
        """Nothing to let go of."""


def _matches(row: ExecutionRow, wanted: ExecutionFilter) -> bool:
    return (
        (wanted.with_triggers or row.kind != TRIGGER_KIND)
        and wanted.namespace in ("", row.namespace)
        and wanted.workflow in ("", row.workflow)
        and wanted.subject in ("", row.subject)
        and (not wanted.phases or row.phase in wanted.phases)
        and row.started_at_us >= wanted.started_from_us
        and (not wanted.started_until_us or row.started_at_us < wanted.started_until_us)
        and (wanted.before is None or (row.started_at_us, row.execution_id) < wanted.before)
    )
