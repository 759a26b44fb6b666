"""The rows that the store keeps, as values. Times are int microseconds UTC."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ShardRow:
    """A shard as its owner found it when it took it."""

    shard: int
    epoch: int
    log_offset: int  # the next record to apply
    clock_us: int
    commit_number: int


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """The events that one commit added to one execution: `data` is an encoded HistoryBatch."""

    execution_id: str
    sequence: int
    last_sequence: int
    commit_number: int
    data: bytes


@dataclass(frozen=True, slots=True)
class ExecutionRow:
    """One execution as it last changed phase; `output` and `error` are encoded, empty when absent."""

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


@dataclass(frozen=True, slots=True)
class TimerRow:
    """A timer that stands; unique by execution and timer id."""

    shard: int
    due_at_us: int
    execution_id: str
    timer_id: str


@dataclass(frozen=True, slots=True)
class RejectionRow:
    """Why a command of the log was rejected; `error` is an encoded ItemError."""

    shard: int
    offset: int
    time_us: int
    error: bytes


@dataclass(frozen=True, slots=True)
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


@dataclass(slots=True)
class ShardCommit:
    """What one batch changes in one shard: written whole, or not at all when the epoch has moved on."""

    shard: int
    epoch: int
    log_offset: int
    clock_us: int
    commit_number: int
    histories: list[HistoryRow] = field(default_factory=list)
    executions: list[ExecutionRow] = field(default_factory=list)
    timers_armed: list[TimerRow] = field(default_factory=list)
    timers_gone: list[tuple[str, str]] = field(default_factory=list)
    rejections: list[RejectionRow] = field(default_factory=list)
    dead_letters: list[DeadLetterRow] = field(default_factory=list)
    dead_letters_gone: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DefinitionRow:
    """One published version; `revision` numbers the catalogue's changes from 1."""

    namespace: str
    name: str
    version: str
    digest: str
    document: bytes
    published_at_us: int
    profile: str
    revision: int


@dataclass(frozen=True, slots=True)
class ExecutionFilter:
    """Which executions a list asks for; empty fields do not narrow. `before` ends the page before."""

    namespace: str = ""
    workflow: str = ""
    phases: Sequence[int] = ()
    subject: str = ""
    started_from_us: int = 0
    started_until_us: int = 0
    before: tuple[int, str] | None = None
