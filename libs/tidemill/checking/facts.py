"""What the checker is told, in this order. One JSON line each, between the exporters and the check.

The Engine: its header; dead letters; each execution in order of id, followed by its history and its fold;
then each shard, followed by its peers and rejections, its commits in order, its outbox, its log in order.
The Action service: its header; the classes of its actions; its ledger in byte order of keys, those first that
are hashes and name no execution.

Times are microseconds UTC. Tuples inside facts are kept plain: there is one for every event.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from tidemill.applied_offsets import AppliedOffsets

FORMAT: Final = 1

# Kinds of causes.
LOG: Final = "log"
TIMER: Final = "timer"
ACTION: Final = "action"
MESSAGE: Final = "message"
UNKNOWN: Final = ""

# What the first event of a cause is called when the engine could not apply the command.
ENGINE_ERROR: Final = "EngineError"

# What became of a timer.
ARMED: Final = "armed"
FIRED: Final = "fired"
GONE: Final = "gone"

# (kind, identity, number, events, first event): identity is the timer or the key, number the offset, the
# attempt, or the message's sequence.
CauseFact: TypeAlias = tuple[str, str, int, int, str]
# The key, the attempt, and the action.
CallFact: TypeAlias = tuple[str, int, str]
# (key, attempt, state, digest, late, given up by the engine)
OutcomeFact: TypeAlias = tuple[str, int, int, str, bool, bool]
# (what became of it, timer id, due time; 0 where it is not armed)
TimerFact: TypeAlias = tuple[str, str, int]


class EngineHeader(NamedTuple):
    """What the Engine's facts are about; what ended before `complete_from_us` may be gone,
    rows of executions only where the Engine `forgets` these."""

    format: int
    shards: int
    now_us: int
    rejection_retention_us: int
    lane_seen_us: int
    namespace: str
    complete_from_us: int
    forgets: bool


class DeadLetter(NamedTuple):
    """An item that could not be applied: `about` is the execution that it concerns, where it names one."""

    shard: int
    about: str
    kind: str
    identity: str
    number: int


class Execution(NamedTuple):
    """An execution's row; `stored` is False where there is history and no row.

    `sequence` is that of the last event when the row was written. `begins_after` is 0, or the event of the
    snapshot that stands for what is gone; `calls` and `timers` are then what was under way there.
    """

    execution_id: str
    namespace: str
    workflow: str
    shard: int
    phase: str
    owes: bool
    started_at_us: int
    closed_at_us: int
    reason: str
    stored: bool
    sequence: int
    begins_after: int
    calls: Sequence[CallFact]
    timers: Sequence[TimerFact]


class Forgotten(NamedTuple):
    """An execution whose history is gone by retention, or the first part of it without a snapshot."""

    execution_id: str
    phase: str


class HistoryRow(NamedTuple):
    """What one commit added to the execution before; `taken` are the (source, id) of events that it took."""

    sequence: int
    last_sequence: int
    commit_number: int
    time_us: int
    events: int
    causes: Sequence[CauseFact]
    asked: Sequence[CallFact]
    outcomes: Sequence[OutcomeFact]
    confirmed: Sequence[str]
    timers: Sequence[TimerFact]
    taken: Sequence[tuple[str, str]]


class Folded(NamedTuple):
    """The fold of the history before, by the engine's own code, beside what the tables say.

    `problem` says why it does not fold.
    """

    problem: str
    sequence: int
    phase: str
    owes: bool
    closed_at_us: int
    owed: Sequence[tuple[str, int]]
    timers: Sequence[tuple[str, int]]
    timer_rows: Sequence[tuple[str, int]]
    snapshot_sequence: int


class Waits(NamedTuple):
    """What an execution waits for by its fold, where something is amiss: children that have ended or are not
    there ("" for their phase), and subscriptions that no lane has. Comes some executions later."""

    execution_id: str
    children: Sequence[tuple[str, str]]
    unheard: Sequence[str]


class Shard(NamedTuple):
    """A shard's row, and what the log holds of it."""

    shard: int
    epoch: int
    log_offset: int
    clock_us: int
    commit_number: int
    outbox_sequence: int
    log_first: int
    log_next: int
    log_ahead: int = 0

    @property
    def applied(self) -> AppliedOffsets:
        """The commands of its log that the shard has applied."""
        return AppliedOffsets(self.log_offset, self.log_ahead)


class Peer(NamedTuple):
    """The last message of another shard among the commands that the shard has passed in its log."""

    shard: int
    source_shard: int
    sequence: int


class Outgoing(NamedTuple):
    """A message under way in the outbox; `about` is the execution that it concerns."""

    shard: int
    sequence: int
    target_shard: int
    kind: str
    about: str


class Rejection(NamedTuple):
    """A command of the log that was refused."""

    shard: int
    offset: int


class Commit(NamedTuple):
    """What a commit added to one execution, by its causes out of the log and of the own outbox.

    `logged` are (offset, first event), `messages` the sequences; both without those of no number.
    """

    shard: int
    commit_number: int
    time_us: int
    execution_id: str
    sequence: int
    logged: Sequence[tuple[int, str]]
    messages: Sequence[int]


class Trimmed(NamedTuple):
    """Records left the log while it was read: it goes on with this offset."""

    shard: int
    offset: int


class LogRecord(NamedTuple):
    """A command in the log; `target` is its execution, "" for one to a lane, and `home` the shard of either.

    `known` says for a start whether its execution is there, for an event whether its lane has heard it.
    """

    shard: int
    offset: int
    kind: str
    target: str
    home: int
    about: str
    source_shard: int
    source_sequence: int
    accepted_at_us: int
    known: bool


class LedgerHeader(NamedTuple):
    """What the ledger's facts are about: rows settled so long ago may be gone."""

    format: int
    now_us: int
    settled_retention_us: int


class ActionClass(NamedTuple):
    """An action that the service knows, with its effect class."""

    action: str
    effect_class: str


class LedgerRow(NamedTuple):
    """One (key, attempt) of the ledger; state 0 where it has no outcome. Digests are hex."""

    key: str
    attempt: int
    state: int
    request_digest: str
    outcome_digest: str
    settled: bool
    lease_until_us: int


class End(NamedTuple):
    """The stream is whole: so many facts came before."""

    facts: int


EngineFact: TypeAlias = (
    EngineHeader
    | DeadLetter
    | Execution
    | Forgotten
    | HistoryRow
    | Folded
    | Waits
    | Shard
    | Peer
    | Outgoing
    | Rejection
    | Commit
    | Trimmed
    | LogRecord
    | End
)
ActionFact: TypeAlias = LedgerHeader | ActionClass | LedgerRow | End
Fact: TypeAlias = EngineFact | ActionFact
