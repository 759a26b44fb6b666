"""What a batch commits holds no large text: each kind of row that may, each under the execution it is for."""

from dataclasses import replace

from tests.claim_checks import in_memory
from tests.contract.store_suite import execution
from tidemill.api.events.v1.command_pb2 import Command
from tidemill.api.events.v1.history_pb2 import HistoryBatch
from tidemill.api.events.v1.snapshot_pb2 import Snapshot
from tidemill.applied_offsets import AppliedOffsets
from tidemill.blobs.claims import read_claim
from tidemill.engine.core.effects import CallAction, CancelAction
from tidemill.engine.core.payload import Payload
from tidemill.engine.runtime.deposits import Deposits
from tidemill.engine.runtime.items import DueTimer, Message, encode
from tidemill.engine.runtime.owned_shard import OwnedShard
from tidemill.engine.runtime.turns import ShardTurn, Turn
from tidemill.engine.store.rows import DeadLetterRow, HistoryRow, OutboxRow, ShardCommit, SnapshotRow

LARGE = b'"' + b"x" * 500 + b'"'
SMALL = b'"x"'
PARENT = "00000001-00000000-0000-7000-8000-000000000001"
CHILD = "00000001-00000000-0000-7000-8000-000000000002"


def started(text: bytes) -> bytes:
    """A history row in which an execution starts."""
    batch = HistoryBatch(schema=1)
    batch.events.add().execution_started.raw_input.data = text
    return batch.SerializeToString()


def start(text: bytes) -> Command:
    """The message that starts a child."""
    command = Command(schema=1, execution_id=CHILD)
    command.start.input.data = text
    return command


def hearing() -> Command:
    """A message for a lane, with a large event."""
    command = Command(schema=1, lane=b"shop\0ada")
    command.hear.event.data = LARGE
    return command


def letter(number: int, kind: str, item: bytes) -> DeadLetterRow:
    return DeadLetterRow(number, 0, CHILD, "shop", kind, item, "wrong", 1)


class Bench:
    def __init__(self, commit: ShardCommit, turn: Turn | None = None) -> None:
        self.commit = commit
        self.check = in_memory(100)
        owned = OwnedShard(0, 1, AppliedOffsets(), 0, 0)
        shard_turn = ShardTurn(owned, 0, shards=1, messages_left=0, snapshot_events_min=1)
        shard_turn.turns = [turn] if turn is not None else []
        self.batch = [shard_turn]

    async def run(self) -> list[tuple[str, int]]:
        """Deposit; which executions have how many blobs."""
        await Deposits(self.check).before_commit(self.batch, [self.commit])
        held = self.check.store.held  # type: ignore[attr-defined]  # a store in memory
        return [(execution_id, len(blobs)) for execution_id, blobs in held.items()]


def commit(**rows: object) -> ShardCommit:
    return ShardCommit(0, 1, 0, 0, 1, **rows)  # type: ignore[arg-type]


async def test_small_rows_stay_the_rows_that_they_are() -> None:
    history = HistoryRow(PARENT, 1, 1, 1, started(SMALL))
    bench = Bench(commit(histories=[history], executions=[execution(1)]))
    assert await bench.run() == []
    assert bench.commit.histories[0] is history


async def test_history_snapshots_and_outputs_hold_claims() -> None:
    snapshot = Snapshot(schema=1, values=[LARGE, SMALL])
    row = replace(execution(1), output=LARGE)
    bench = Bench(
        commit(
            histories=[HistoryRow(PARENT, 1, 1, 1, started(LARGE))],
            snapshots=[SnapshotRow(PARENT, 1, snapshot.SerializeToString())],
            executions=[row],
        )
    )
    assert sorted(await bench.run()) == sorted([(PARENT, 1), (row.execution_id, 1)])
    batch = HistoryBatch.FromString(bench.commit.histories[0].data)
    assert read_claim(batch.events[0].execution_started.raw_input.data) is not None
    kept = Snapshot.FromString(bench.commit.snapshots[0].data)
    assert [read_claim(text) is None for text in kept.values] == [False, True]
    assert read_claim(bench.commit.executions[0].output) is not None
    assert row.output == LARGE


async def test_a_message_is_left_under_the_execution_that_it_is_for_and_an_event_nowhere() -> None:
    records = [start(LARGE), hearing()]
    outbox = [OutboxRow(0, number, 0, record.SerializeToString()) for number, record in enumerate(records, 1)]
    bench = Bench(commit(outbox=outbox))
    assert await bench.run() == [(CHILD, 1)]
    # The rows that memory holds are the ones that are written.
    assert read_claim(Command.FromString(outbox[0].data).start.input.data) is not None
    assert Command.FromString(outbox[1].data) == hearing()


async def test_dead_letters_hold_claims_and_are_read_as_before() -> None:
    kind, item = encode(Message(0, CHILD, 3, start(LARGE)))
    timer_kind, timer = encode(DueTimer(0, CHILD, "t" * 200))
    bench = Bench(commit(dead_letters=[letter(1, kind, item), letter(2, timer_kind, timer)]))
    assert await bench.run() == [(CHILD, 1)]
    first, second = bench.commit.dead_letters
    kept = Command.FromString(first.item)
    assert read_claim(kept.start.input.data) is not None
    await bench.check.fetch_into(kept, CHILD)
    assert kept == start(LARGE)
    assert second.item == timer


async def test_calls_go_out_with_claims_and_their_execution_counts_what_it_holds() -> None:
    turn = Turn(PARENT, 0, None)
    turn.calls = [
        CallAction("a", 1, "/do/0/a", "send", Payload.encoded(LARGE)),
        CallAction("b", 1, "/do/1/b", "send", Payload.encoded(SMALL)),
        CancelAction("c", 1),
    ]
    bench = Bench(commit(), turn)
    assert await bench.run() == [(PARENT, 1)]
    first, second, _ = turn.calls
    assert isinstance(first, CallAction)
    assert isinstance(second, CallAction)
    assert read_claim(first.arguments.data) is not None
    assert second.arguments.data == SMALL
    assert turn.growth.large_bytes == len(LARGE)
