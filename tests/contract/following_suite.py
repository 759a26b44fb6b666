"""What every store must do for snapshots, for messages between shards, and for readers of commits."""

from dataclasses import replace

from tests.contract.store_suite import commit, execution_id, history, took
from tidemill.engine.store.port import Store
from tidemill.engine.store.rows import HistoryRow, OutboxRow, SnapshotRow, StoredExecution


def message(sequence: int, target: int = 1, shard: int = 0) -> OutboxRow:
    """A message of the shard."""
    return OutboxRow(shard, sequence, target, b"message %d" % sequence)


def numbered(number: int, commit_number: int) -> HistoryRow:
    """What a commit has added to an execution."""
    return replace(history(number, commit_number, commit_number), commit_number=commit_number)


class FollowingSuite:
    """The part of the contract that is about what follows a commit."""

    async def test_a_snapshot_stands_for_the_history_before_it(self, store: Store) -> None:
        await took(store)
        rows = [history(1, 1, 3), history(1, 4, 6), history(2, 1, 1)]
        snapshot = SnapshotRow(execution_id(1), 3, b"state")
        await store.commit([commit(histories=rows, snapshots=[snapshot])])
        assert await store.load([execution_id(1), execution_id(2), execution_id(3)]) == {
            execution_id(1): StoredExecution(snapshot, rows[1:2]),
            execution_id(2): StoredExecution(None, rows[2:]),
        }

    async def test_a_later_snapshot_replaces_the_one_before(self, store: Store) -> None:
        await took(store)
        first, second = (SnapshotRow(execution_id(1), number, b"state") for number in (3, 6))
        await store.commit([commit(histories=[history(1, 1, 3)], snapshots=[first])])
        await store.commit([commit(histories=[history(1, 4, 6)], snapshots=[second])])
        assert await store.load([execution_id(1)]) == {execution_id(1): StoredExecution(second, [])}

    async def test_the_whole_history_is_there_beside_the_snapshot(self, store: Store) -> None:
        await took(store)
        rows = [history(1, 1, 3), history(1, 4, 6)]
        await store.commit([commit(histories=rows, snapshots=[SnapshotRow(execution_id(1), 6, b"state")])])
        assert await store.load([execution_id(1)], whole=True) == {
            execution_id(1): StoredExecution(None, rows)
        }
        assert await store.load([], whole=True) == {}

    async def test_messages_page_in_order_until_they_are_gone(self, store: Store) -> None:
        await took(store, 0, 1)
        sent = [message(1), message(2, target=0), message(3, target=3)]
        await store.commit([commit(outbox=sent), commit(shard=1, outbox=[message(1, 0, shard=1)])])
        assert await store.page_outbox(0, 0, 2) == sent[:2]
        assert await store.page_outbox(0, 2, 2) == sent[2:]
        await store.commit([commit(outbox_gone=[2, 99], outbox=[message(4)])])
        assert await store.page_outbox(0, 0, 9) == [sent[0], sent[2], message(4)]
        assert await store.page_outbox(1, 0, 9) == [message(1, 0, shard=1)]

    async def test_messages_are_discarded_by_the_owner_alone(self, store: Store) -> None:
        await took(store, 0, 1)
        await store.commit([commit(outbox=[message(1), message(2)])])
        await store.commit([commit(shard=1, outbox=[message(1, 0, shard=1)])])
        await store.take([1], "b")
        assert await store.discard_outbox([(0, 1, [1, 99]), (1, 1, [1])]) == {0}
        assert await store.page_outbox(0, 0, 9) == [message(2)]
        assert await store.page_outbox(1, 0, 9) == [message(1, 0, shard=1)]

    async def test_numbers_of_messages_never_go_back(self, store: Store) -> None:
        await took(store)
        await store.commit([commit(outbox_sequence=7, outbox=[message(7)])])
        await store.commit([commit(outbox_sequence=3, outbox_gone=[7])])
        assert (await store.take([0], "b"))[0].outbox_sequence == 7

    async def test_what_was_applied_of_other_shards_is_kept_by_source(self, store: Store) -> None:
        await took(store, 0, 1)
        await store.commit([commit(peers={1: 4, 2: 9}), commit(shard=1, peers={0: 1})])
        await store.commit([commit(peers={1: 5})])
        assert await store.peers([0]) == {(0, 1): 5, (0, 2): 9}
        assert await store.peers([0, 1, 2]) == {(0, 1): 5, (0, 2): 9, (1, 0): 1}

    async def test_commits_page_whole_and_in_order(self, store: Store) -> None:
        await took(store, 0, 1)
        first = [numbered(2, 1), numbered(3, 1), numbered(4, 1)]
        await store.commit([commit(histories=list(reversed(first)))])
        later = [numbered(2, 2), numbered(1, 3)]
        for row in later:
            await store.commit([commit(commit_number=row.commit_number, histories=[row])])
        await store.commit([commit(shard=1, histories=[numbered(9, 1)])])
        assert await store.page_commits(0, 0, 2) == first
        assert await store.page_commits(0, 0, 4) == [*first, later[0]]
        assert await store.page_commits(0, 1, 9) == later
        assert await store.page_commits(0, 3, 9) == []
        assert await store.page_commits(1, 0, 9) == [numbered(9, 1)]

    async def test_the_last_commit_of_each_shard_is_known(self, store: Store) -> None:
        await took(store, 2)
        await store.commit([commit(shard=2, commit_number=8)])
        assert await store.last_commits() == {0: 0, 1: 0, 2: 8, 3: 0}

    async def test_readers_keep_their_places_apart(self, store: Store) -> None:
        await store.move_cursors("sink", {0: 4, 2: 9})
        await store.move_cursors("other", {0: 1})
        await store.move_cursors("sink", {0: 6, 1: 1})
        assert await store.cursors("sink") == {0: 6, 1: 1, 2: 9}
        assert await store.cursors("other") == {0: 1}
        assert await store.cursors("new") == {}
