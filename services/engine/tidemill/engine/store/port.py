"""The store's ports, by who uses them. Every implementation passes `tests/contract/store_suite.py`.

All methods may raise StorageUnavailableError: the disk or file refuses. Writes are on disk when they return.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol

from tidemill.applied_offsets import AppliedOffsets
from tidemill.engine.store.retention import NamespaceRow, RetentionTerms
from tidemill.engine.store.rows import (
    DeadLetterRow,
    DefinitionRow,
    ExecutionFilter,
    ExecutionRow,
    HistoryRow,
    LaneQuery,
    LaneRows,
    LeaseRow,
    OutboxRow,
    RejectionRow,
    ShardCommit,
    ShardRow,
    StoredExecution,
    SubscriberQuery,
    SubscriptionRow,
    TimerRow,
)

NO_CONTENTS: Final[Mapping[str, bytes]] = MappingProxyType({})


class OutboxStore(Protocol):
    """What carries messages between shards."""

    async def peers(self, shards: Sequence[int]) -> Mapping[tuple[int, int], int]:
        """The last applied message by (shard, source shard), where there was one."""
        ...

    async def page_outbox(self, shard: int, after_sequence: int, limit: int) -> list[OutboxRow]:
        """Up to `limit` messages of the shard after the given number, in order."""
        ...

    async def discard_outbox(self, items: Sequence[tuple[int, int, Sequence[int]]]) -> set[int]:
        """Forget messages that have arrived: (shard, epoch, sequences). Returns the shards whose epoch held;
        those of the others stay. Numbers that are gone already are no error."""
        ...


class MembershipStore(Protocol):
    """Which engines live, and which shards they hold. A lease lives by the store's clock, not by theirs."""

    async def renew_lease(self, engine: str, *, ttl_us: int, revision: int) -> list[LeaseRow]:
        """Let the engine live for `ttl_us` from now; returns every engine that lives, by name, it too.

        Leases that have run out are gone.
        """
        ...

    async def end_lease(self, engine: str) -> None:
        """The engine stops: it lives no longer. One that is gone already is no error."""
        ...

    async def shards(self) -> list[ShardRow]:
        """Every shard as it stands, by number."""
        ...

    async def release(self, items: Sequence[tuple[int, int]]) -> set[int]:
        """Give up shards, (shard, epoch): they have no owner then. Returns those whose epoch held."""
        ...

    async def claim_log(self, identity: str) -> str:
        """Bind the store to the log of this identity, unless it is bound; returns what it is bound to."""
        ...

    async def rebind_log(self, identity: str, places: Mapping[int, AppliedOffsets]) -> None:
        """Bind the store to another log, and have each of these shards go on from a place in it.

        For an operator who accepts what is lost: bumps the epochs, so that owners begin anew. What the
        shards have applied of one another's messages stays known.
        """
        ...


class ShardStore(OutboxStore, Protocol):
    """What the owner of shards needs."""

    async def take(self, shards: Sequence[int], owner: str) -> list[ShardRow]:
        """Make `owner` the owner: bump each epoch in a transaction of its own, and return the rows."""
        ...

    async def commit(self, commits: Sequence[ShardCommit]) -> set[int]:
        """Write a batch in one transaction and return the shards that were written.

        The first statement moves what the shard's row holds (`log_offset`, `log_ahead`, `clock_us`,
        `commit_number`, `outbox_sequence`) where its epoch is as given; the others are fenced, and none of
        their rows is written. Rows replace former ones of the same key, except histories and messages, which
        are new. Raises StorageRefusedError when the data itself is refused (nothing written). After
        StorageUnavailableError the outcome is unknown: the caller drops its memory and takes the shards anew.
        """
        ...

    async def load(
        self, execution_ids: Sequence[str], *, whole: bool = False
    ) -> Mapping[str, StoredExecution]:
        """The snapshot, and the history after it in order of sequence, of those executions that have either.

        With `whole` the whole history and no snapshot.
        """
        ...

    async def page_owing(
        self, shard: int, after: tuple[int, str] | None, limit: int
    ) -> list[tuple[int, str]]:
        """(started_at_us, id) of executions of the shard that owe, oldest first, after the given pair."""
        ...

    async def page_timers(
        self, shard: int, until_us: int, after: TimerRow | None, limit: int
    ) -> list[TimerRow]:
        """Timers due at or before `until_us`, by due time, after the given row; those of one time in an order
        of the store's own.

        Sees every commit that returned before the call.
        """
        ...

    async def expire_rejections(self, before_us: int, limit: int) -> int:
        """Forget up to `limit` rejections from before the time; returns how many went."""
        ...


class ReadStore(Protocol):
    """What answers clients."""

    async def get(self, execution_ids: Sequence[str]) -> Mapping[str, ExecutionRow]:
        """The rows of those executions that exist, with `sequence` that of the last event.

        Once the history is gone it is that of the row as it was written last.
        """
        ...

    async def page_executions(self, wanted: ExecutionFilter, limit: int) -> list[ExecutionRow]:
        """Up to `limit` rows, newest first by (started_at_us, execution_id)."""
        ...

    async def history(self, execution_id: str, sequence: int, limit: int) -> list[HistoryRow]:
        """Up to `limit` rows of the history that hold events numbered `sequence` or higher, in order."""
        ...

    async def rejection(self, shard: int, offset: int) -> RejectionRow | None:
        """Why the command was rejected; None when it was not, or long ago."""
        ...

    async def dead_letters(self, namespace: str, after: int, limit: int) -> list[DeadLetterRow]:
        """Dead letters by number after the given one; an empty namespace means all."""
        ...

    async def page_commits(self, shard: int, after_commit: int, limit: int) -> list[HistoryRow]:
        """The history that the shard's commits after the given number have added, by commit number, execution
        and sequence. Whole commits only: as few as make `limit` rows, or all there are."""
        ...

    async def last_commits(self) -> Mapping[int, int]:
        """The number of the last commit of each shard."""
        ...


class LaneStore(Protocol):
    """What lanes remember. Sees every commit that returned before the call."""

    async def read_lanes(self, wanted: Sequence[LaneQuery]) -> Mapping[bytes, LaneRows]:
        """What each lane asked for holds, also where that is nothing; each lane is asked for once.

        Takes time by the number of filters and events of a lane, not of its subscriptions.
        """
        ...

    async def subscribers(self, wanted: Sequence[SubscriberQuery]) -> list[list[SubscriptionRow]]:
        """For each query those who wait under one of its pairs, by execution and subscription id.

        About `limit` rows: as few whole executions as reach it, or all there are.
        """
        ...

    async def expire_lanes(self, before_us: int, limit: int) -> int:
        """Forget up to `limit` events, and as many seen digests, that expire before the time.

        Returns how many went of both.
        """
        ...


class CursorStore(Protocol):
    """Where readers of commits have come to, by the reader's name and shard."""

    async def cursors(self, name: str) -> Mapping[int, int]:
        """The last commit number that the reader is done with, of each shard where it has begun."""
        ...

    async def move_cursors(self, name: str, positions: Mapping[int, int]) -> None:
        """Remember positions by shard, each in the place of the former one."""
        ...


class DefinitionStore(Protocol):
    """What keeps the catalogue, and the documents from outside that its definitions name, by digest.

    Both are kept for ever: nothing looks for contents that no definition names, as there are none.
    """

    async def publish(self, row: DefinitionRow, contents: Mapping[str, bytes] = NO_CONTENTS) -> DefinitionRow:
        """Store the version under the next revision; returns what is stored, which may be an earlier row.

        The contents, by digest, are stored in the same transaction: all of them where the row is new, each
        once for all definitions, and none where it is not.
        """
        ...

    async def contents(self, digests: Sequence[str]) -> Mapping[str, bytes]:
        """The contents that are stored under these digests; one that is not is missing."""
        ...

    async def definitions(self, after_revision: int) -> list[DefinitionRow]:
        """Every version with a later revision, in order of revision."""
        ...


class RetentionStore(Protocol):
    """What is forgotten of executions that have ended. Time counts from their end; who owes is kept."""

    async def set_namespace(self, row: NamespaceRow) -> None:
        """Keep a namespace's own terms, in the place of those it had."""
        ...

    async def namespaces(self) -> list[NamespaceRow]:
        """The namespaces that have terms of their own, by name."""
        ...

    async def prepare_history(self, now_us: int, partition_us: int) -> int:
        """Have partitions for commits of this time and of two such lengths ahead; returns how many were made.

        A store without partitions makes none. Commits that fall into none are kept all the same.
        """
        ...

    async def expire_histories(self, terms: RetentionTerms, now_us: int, limit: int) -> int:
        """Forget history and snapshot of up to `limit` executions whose time has come; returns how many.

        Leaves what goes with its partition. An execution without history stays closed: StorageRefusedError
        for a commit that opens it.
        """
        ...

    async def expire_executions(self, terms: RetentionTerms, now_us: int, limit: int) -> int:
        """Forget up to `limit` executions whose time has come, with all that is left of them."""
        ...

    async def drop_histories(self, terms: RetentionTerms, now_us: int) -> int:
        """Drop the oldest partition, if its histories may all go.

        Returns its end where only open executions hold it back, else 0: they need a snapshot from that time
        or later, see `page_holding`.
        """
        ...

    async def page_holding(
        self, shard: int, before_us: int, after: tuple[int, str] | None, limit: int
    ) -> list[tuple[int, str]]:
        """(started_at_us, id) of open executions of the shard that have started before the time and have no
        snapshot of a commit from then on, oldest first, after the given pair."""
        ...


class Store(
    ShardStore, ReadStore, DefinitionStore, LaneStore, CursorStore, MembershipStore, RetentionStore, Protocol
):
    """All ports of the store at once."""

    # Whether other engines may write to it as well.
    is_shared: bool

    async def close(self) -> None:
        """Finish what is under way and let go of files and connections."""
        ...
