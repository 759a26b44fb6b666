"""What one batch does to each execution and shard, gathered until it becomes the rows of one commit."""

from dataclasses import dataclass, field

from tidemill import lanes
from tidemill.api.errors.v1.item_error_pb2 import ItemError
from tidemill.api.errors.v1.problem_pb2 import Problem as ProblemRecord
from tidemill.applied_offsets import AppliedOffsets
from tidemill.engine.core.decision import Decision
from tidemill.engine.core.effects import ArmTimer, CallAction, CancelAction, DisarmTimer, Effect, Message
from tidemill.engine.core.events import Event
from tidemill.engine.core.problems import Problem
from tidemill.engine.core.state import ExecutionState
from tidemill.engine.lanes.turn import LaneTurn
from tidemill.engine.record_values import write_problem
from tidemill.engine.records import Cause, Source, encode_batch
from tidemill.engine.runtime.items import Message as MessageItem
from tidemill.engine.runtime.messages import Outgoing
from tidemill.engine.runtime.owned_shard import OwnedShard
from tidemill.engine.runtime.snapshots import Growth
from tidemill.engine.store.rows import (
    DeadLetterRow,
    ExecutionRow,
    HistoryRow,
    OutboxRow,
    RejectionRow,
    ShardCommit,
    TimerRow,
)


@dataclass(slots=True)
class Turn:
    """What one batch does to one execution."""

    execution_id: str
    shard: int
    state: ExecutionState | None
    events: list[Event] = field(default_factory=list)
    causes: list[Cause] = field(default_factory=list)
    calls: list[CallAction | CancelAction] = field(default_factory=list)
    timers_armed: dict[str, int] = field(default_factory=dict)
    timers_gone: list[str] = field(default_factory=list)
    settled_keys: list[str] = field(default_factory=list)
    # Whether what it owed before this process took the shard is released again.
    is_recovered: bool = False
    quarantined: bool = False
    # Whether its state is not to stay in memory.
    is_forgotten: bool = False
    # Whether a snapshot is asked for, whatever the history has gained.
    snapshot_due: bool = False
    # The row of an execution whose history does not fold, to be marked without touching that history.
    replaced_row: ExecutionRow | None = None
    growth: Growth = field(default_factory=Growth)
    written: tuple[object, ...] = ()

    def __post_init__(self) -> None:
        self.written = _row_key(self.state)

    def add(self, decision: Decision, source: Source) -> list[Message]:
        """Take over a decision's events and effects; returns the messages among these."""
        self.state = decision.state
        if decision.events:
            self.causes.append(Cause(len(decision.events), source))
            self.events.extend(decision.events)
        return self.add_effects(decision.effects)

    def add_effects(self, effects: list[Effect]) -> list[Message]:
        """Sort effects into what is written with the commit and what is released after it; returns the rest,
        which are messages."""
        messages: list[Message] = []
        for effect in effects:
            match effect:
                case CallAction() | CancelAction():
                    self.calls.append(effect)
                case ArmTimer(timer_id, due_at_us):
                    self.timers_armed[timer_id] = due_at_us
                case DisarmTimer(timer_id):
                    self.timer_gone(timer_id)
                case _:
                    messages.append(effect)
        return messages

    def timer_gone(self, timer_id: str) -> None:
        """The timer has fired or is disarmed: its row goes."""
        if self.timers_armed.pop(timer_id, None) is None:
            self.timers_gone.append(timer_id)

    def timer_rows(self) -> list[TimerRow]:
        """The timers that this batch arms."""
        return [
            TimerRow(self.shard, due_at_us, self.execution_id, timer_id)
            for timer_id, due_at_us in self.timers_armed.items()
        ]


@dataclass(slots=True)
class ShardTurn:
    """What one batch does to one shard; `now_us` is the one time of all its steps.

    So many as `messages_left` may be applied in the batch that sends them.
    """

    owned: OwnedShard
    now_us: int
    shards: int
    messages_left: int
    snapshot_events_min: int
    # The offsets of the commands that it has applied, and with them all that are; by the commit.
    finished: list[int] = field(default_factory=list)
    applied: AppliedOffsets = field(init=False)
    messages: list[MessageItem] = field(default_factory=list)
    outbox: list[OutboxRow] = field(default_factory=list)
    outbox_gone: list[int] = field(default_factory=list)
    lanes: dict[bytes, LaneTurn] = field(default_factory=dict)
    rejections: list[RejectionRow] = field(default_factory=list)
    dead_letters: list[DeadLetterRow] = field(default_factory=list)
    dead_letters_gone: list[int] = field(default_factory=list)
    timers_gone: list[tuple[str, str]] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    heard_us: int = field(init=False)

    def __post_init__(self) -> None:
        self.heard_us = self.owned.heard_us
        self.applied = self.owned.applied

    def next_heard_us(self) -> int:
        """The time of the next event that a lane hears: later than that of the one before, if only by a
        microsecond, so that who begins to wait later hears them in the order in which they were accepted.

        What was heard before this process took the shard is older than a clock needs to move on.
        """
        self.heard_us = max(self.now_us, self.heard_us + 1)
        return self.heard_us

    def send(self, message: Outgoing) -> None:
        """Send a message: into this batch where it is for this shard and nothing older waits, else away."""
        shard = self.owned.shard
        target = lanes.shard_of(message.lane_hash, self.shards)
        record = message.record
        if target == shard and self.messages_left > 0:
            self.messages_left -= 1
            self.messages.append(MessageItem(shard, record.execution_id, 0, record))
            return
        if target == shard:
            self.messages_left = 0
        record.source_shard = shard
        record.source_sequence = self.owned.outbox_sequence + len(self.outbox) + 1
        self.outbox.append(OutboxRow(shard, record.source_sequence, target, record.SerializeToString()))

    def take_messages(self) -> list[MessageItem]:
        """The messages of the shard to itself that this batch has sent and not applied yet."""
        messages, self.messages = self.messages, []
        return messages

    def reject(self, offset: int, error: ItemError) -> None:
        """Keep why a command was rejected."""
        row = RejectionRow(self.owned.shard, offset, self.now_us, error.SerializeToString())
        self.rejections.append(row)

    def changes_nothing(self) -> bool:
        """Whether a commit would write nothing that anybody could miss."""
        return (
            not self.finished
            and not (self.rejections or self.dead_letters or self.dead_letters_gone or self.timers_gone)
            and not (self.outbox or self.outbox_gone)
            and all(lane.changes_nothing() for lane in self.lanes.values())
            and not any(
                turn.events or turn.timers_gone or turn.replaced_row or turn.snapshot_due
                for turn in self.turns
            )
        )

    def commit(self) -> ShardCommit:
        """The rows of this shard."""
        self.applied = self.owned.applied.with_applied(self.finished)
        commit = ShardCommit(
            self.owned.shard, self.owned.epoch, self.applied.next, self.now_us, self.owned.commit_number + 1
        )
        commit.log_ahead = self.applied.ahead_bytes()
        commit.peers = self.owned.peers_passed(self.applied.next)
        commit.rejections = self.rejections
        commit.dead_letters = self.dead_letters
        commit.dead_letters_gone = self.dead_letters_gone
        commit.timers_gone = self.timers_gone
        commit.outbox = self.outbox
        commit.outbox_gone = self.outbox_gone
        commit.outbox_sequence = self.owned.outbox_sequence + len(self.outbox)
        for lane in self.lanes.values():
            lane.add_to(commit)
        for turn in self.turns:
            _add_turn(commit, turn, self)
        return commit


def _add_turn(commit: ShardCommit, turn: Turn, shard_turn: ShardTurn) -> None:
    state = turn.state
    if turn.replaced_row is not None:
        commit.executions.append(turn.replaced_row)
    if state is None:
        return
    if turn.events:
        data = encode_batch(turn.events, turn.causes, shard_turn.now_us)
        first = state.sequence - len(turn.events) + 1
        commit.histories.append(
            HistoryRow(turn.execution_id, first, state.sequence, commit.commit_number, data)
        )
        turn.growth.add(len(turn.events), len(data))
    if turn.events or turn.snapshot_due:
        snapshot = turn.growth.take(state, shard_turn.snapshot_events_min, at_once=turn.snapshot_due)
        if snapshot is not None:
            commit.snapshots.append(snapshot)
    if _row_key(state) != turn.written:
        commit.executions.append(execution_row(state, turn.shard))
    if turn.timers_armed:
        commit.timers_armed.extend(turn.timer_rows())
    if turn.timers_gone:
        commit.timers_gone.extend((turn.execution_id, timer_id) for timer_id in turn.timers_gone)


def _row_key(state: ExecutionState | None) -> tuple[object, ...]:
    """What the execution's row holds and steps may change; the row is written when it does."""
    return (state.phase, state.owes, state.reason, state.closed_at_us) if state is not None else ()


def execution_row(state: ExecutionState, shard: int) -> ExecutionRow:
    """The row of an execution as it stands."""
    return ExecutionRow(
        execution_id=state.execution_id,
        namespace=state.namespace,
        workflow=state.workflow,
        version=state.version,
        subject=state.subject,
        shard=shard,
        phase=int(state.phase),
        owes=state.owes,
        started_at_us=state.started_at_us,
        closed_at_us=state.closed_at_us,
        output=state.output.data if state.output is not None else b"",
        error=_encoded(state.error) if state.error is not None else b"",
        reason=state.reason,
        sequence=state.sequence,
        request_id=state.request_id,
        input_digest=state.input_digest,
        parent_execution_id=state.parent,
        kind=int(state.kind),
    )


def _encoded(error: Problem) -> bytes:
    record = ProblemRecord()
    write_problem(record, error)
    return record.SerializeToString()
