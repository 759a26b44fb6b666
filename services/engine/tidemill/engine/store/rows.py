"""The rows that the store keeps, as values. Times are int microseconds UTC."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Final

from tidemill.applied_offsets import AppliedOffsets, read_applied
from tidemill.values import value

# Executions of this kind run schedules: the number of the contract.
TRIGGER_KIND: Final = 1


@value
class ShardRow:
    """A shard as its owner found it when it took it."""

    shard: int
    epoch: int
    log_offset: int  # the next record to apply
    clock_us: int
    commit_number: int
    outbox_sequence: int = 0  # the last number given to a row of the outbox
    owner: str = ""  # the engine that took it last; empty once that has released it
    log_ahead: bytes = b""  # which of those behind the next record are applied

    @property
    def applied(self) -> AppliedOffsets:
        """The commands of its log that it has applied."""
        return read_applied(self.log_offset, self.log_ahead)


@value
class LeaseRow:
    """An engine that lives: `revision` is that of the catalogue which it and its watchers have in force."""

    engine: str
    revision: int


@value
class HistoryRow:
    """The events that one commit added to one execution: `data` is an encoded HistoryBatch."""

    execution_id: str
    sequence: int
    last_sequence: int
    commit_number: int
    data: bytes


@value
class SnapshotRow:
    """The encoded state of an execution after its event `sequence`; each replaces the one before."""

    execution_id: str
    sequence: int
    data: bytes


@value
class StoredExecution:
    """What is stored of one execution's state: its snapshot, and the history after it."""

    snapshot: SnapshotRow | None
    history: list[HistoryRow]


@value
class ExecutionRow:
    """One execution as it last changed phase; `output` and `error` are encoded, empty when absent.

    `kind` is a number of the contract: executions of TRIGGER_KIND belong to the engine itself.
    """

    execution_id: str
    namespace: str
    workflow: str
    version: str
    subject: str
    shard: int
    phase: int
    owes: bool
    started_at_us: int
    closed_at_us: int
    output: bytes
    error: bytes
    reason: str
    sequence: int
    request_id: str
    input_digest: bytes
    parent_execution_id: str = ""
    kind: int = 0


# The columns of an execution in the order of its values, but for `sequence`, which histories know better.
EXECUTION_FIELDS: Final = tuple(each.name for each in fields(ExecutionRow) if each.name != "sequence")


@value
class TimerRow:
    """A timer that stands; unique by execution and timer id."""

    shard: int
    due_at_us: int
    execution_id: str
    timer_id: str


@value
class RejectionRow:
    """Why a command of the log was rejected; `error` is an encoded ItemError."""

    shard: int
    offset: int
    time_us: int
    error: bytes


@value
class DeadLetterRow:
    """An item that could not be applied; `number` is given by the store."""

    number: int
    shard: int
    execution_id: str
    namespace: str
    kind: str
    item: bytes
    error: str
    time_us: int


@value
class SubscriptionRow:
    """An execution that waits for events of a lane; unique by lane, execution and subscription id.

    `shape_id` names the filter, `key` the correlation values that are expected.
    """

    shard: int
    lane: bytes
    shape_id: bytes
    key: bytes
    execution_id: str
    subscription_id: str
    since_us: int


@value
class LaneEventRow:
    """An event that a lane has heard lately, as JSON; unique by lane and the digest of source and id."""

    shard: int
    lane: bytes
    digest: bytes
    received_at_us: int
    expires_at_us: int
    data: bytes


@value
class LaneSeenRow:
    """The digest of an event that a lane has heard, so that it hears it once."""

    shard: int
    lane: bytes
    digest: bytes
    expires_at_us: int


@value
class CounterRow:
    """A value that a lane keeps under a name; an empty one takes the row away."""

    shard: int
    lane: bytes
    name: str
    value: bytes


@value
class OutboxRow:
    """A message under way to a shard: `data` is an encoded Command."""

    shard: int
    sequence: int
    target_shard: int
    data: bytes


@value
class PeerRow:
    """The last message of another shard among the commands that the shard has passed in its log."""

    shard: int
    source_shard: int
    sequence: int


@dataclass(slots=True)
class ShardCommit:
    """What one batch changes in one shard: written whole, or not at all when the epoch has moved on.

    What goes leaves before what comes is added. `shapes` are filters by their id, `peers` the last message by
    source shard below `log_offset`. `outbox_sequence` only ever rises.
    """

    shard: int
    epoch: int
    log_offset: int
    clock_us: int
    commit_number: int
    outbox_sequence: int = 0
    log_ahead: bytes = b""
    histories: list[HistoryRow] = field(default_factory=list)
    executions: list[ExecutionRow] = field(default_factory=list)
    timers_armed: list[TimerRow] = field(default_factory=list)
    timers_gone: list[tuple[str, str]] = field(default_factory=list)
    rejections: list[RejectionRow] = field(default_factory=list)
    dead_letters: list[DeadLetterRow] = field(default_factory=list)
    dead_letters_gone: list[int] = field(default_factory=list)
    shapes: dict[bytes, bytes] = field(default_factory=dict)
    subscriptions: list[SubscriptionRow] = field(default_factory=list)
    subscriptions_gone: list[tuple[bytes, str, str]] = field(default_factory=list)
    lane_events: list[LaneEventRow] = field(default_factory=list)
    lane_events_gone: list[tuple[bytes, bytes]] = field(default_factory=list)
    lanes_seen: list[LaneSeenRow] = field(default_factory=list)
    counters: list[CounterRow] = field(default_factory=list)
    outbox: list[OutboxRow] = field(default_factory=list)
    outbox_gone: list[int] = field(default_factory=list)
    peers: dict[int, int] = field(default_factory=dict)
    snapshots: list[SnapshotRow] = field(default_factory=list)


@value
class DefinitionRow:
    """One published version; `revision` numbers the catalogue's changes from 1.

    `listens` and `pinned`, the documents that it names and their digests, are encoded.
    """

    namespace: str
    name: str
    version: str
    digest: str
    document: bytes
    published_at_us: int
    profile: str
    revision: int
    listens: bytes = b""
    pinned: bytes = b""


@value
class ExecutionFilter:
    """Which executions a list asks for; empty fields do not narrow. `before` ends the page before.

    The engine's own, of TRIGGER_KIND, are left out unless `with_triggers`.
    """

    namespace: str = ""
    workflow: str = ""
    phases: Sequence[int] = ()
    subject: str = ""
    started_from_us: int = 0
    started_until_us: int = 0
    before: tuple[int, str] | None = None
    with_triggers: bool = False


@value
class LaneQuery:
    """What to read of a lane: which digests it has seen, some counters, and its events since a time."""

    lane: bytes
    digests: tuple[bytes, ...] = ()
    counters: tuple[str, ...] = ()
    events_since_us: int | None = None


@value
class LaneRows:
    """What a lane holds: the filters that have a subscription, by id; those of the digests that it has seen;
    those of the counters that have a value; the events asked for, oldest first; how many it holds in all."""

    shapes: dict[bytes, bytes]
    seen: frozenset[bytes]
    counters: dict[str, bytes]
    events: list[LaneEventRow]
    buffered: int


@value
class SubscriberQuery:
    """Who waits in a lane: under one of the pairs of filter and key, in an execution after `after`."""

    lane: bytes
    pairs: tuple[tuple[bytes, bytes], ...]
    after: str
    limit: int


def first_subscribers(rows: list[SubscriptionRow], limit: int) -> list[SubscriptionRow]:
    """The first rows of all pairs of a query together: as few whole executions as make the limit."""
    rows.sort(key=lambda row: (row.execution_id, row.subscription_id))
    if len(rows) <= limit:
        return rows
    last = rows[limit - 1].execution_id
    return [row for row in rows if row.execution_id <= last]
