"""Commands of the log: applied in order, once each, and none without an account."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tidemill.checking.facts import ENGINE_ERROR, Commit, EngineHeader, LogRecord, Rejection, Shard, Trimmed
from tidemill.checking.invariant import Invariant
from tidemill.checking.letters import DeadLetters
from tidemill.lanes import hash_digits_of

# What the first event of a command is, where the command has caused any.
FIRST_EVENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "start": "ExecutionStarted",
        "cancel": "ExecutionCancelled",
        "suspend": "ExecutionSuspended",
        "resume": "ExecutionResumed",
        "retry": "ExecutionRetried",
        "deliver": "EventReceived",
        "end_child": "ChildCompleted",
        "grant": "SlotGranted",
    }
)
_REQUESTS: Final = frozenset({"cancel", "suspend", "resume", "retry"})
HEAR: Final = "hear"
START: Final = "start"


class OrderAndOnce(Invariant):
    """Shard by shard: the commits in order against the log in order."""

    name = "order"
    claim = (
        "the commands of each lane are applied in the order of the log, once each, and those alone "
        "that the shard says it has applied; each of them that the log still holds left events, a "
        "rejection or a dead letter, or is one that need not"
    )
    source = (
        "architecture 4: one lane, one shard, one owner, one loop; what is applied is in the "
        "transaction of the events"
    )

    def __init__(self, letters: DeadLetters) -> None:
        super().__init__()
        self._letters = letters
        self._header = EngineHeader(0, 1, 0, 0, 0, "", 0, False)
        self._shard = Shard(0, 0, 0, 0, 0, 0, 0, 0)
        self._applied = self._shard.applied
        self._commit = 0
        # By lane the highest offset of earlier commits; and of the one at hand, where it has any.
        self._before: dict[str, int] = {}
        self._highest: dict[str, int] = {}
        self._in_commit: set[int] = set()
        self._quarantined: set[str] = set()
        # What each command caused that the log still holds.
        self._caused: dict[int, tuple[str, str]] = {}
        # The executions that these have begun.
        self._begun: set[str] = set()
        self._rejected: set[int] = set()
        self._next = 0

    def header(self, fact: EngineHeader) -> None:
        """How long things are kept."""
        self._header = fact

    def shard(self, fact: Shard) -> None:
        """The commits and the log of this shard follow."""
        self._shard = fact
        self._applied = fact.applied
        self._commit = 0
        self._before.clear()
        self._highest.clear()
        self._in_commit.clear()
        self._quarantined.clear()
        self._caused.clear()
        self._begun.clear()
        self._rejected.clear()
        self._next = fact.log_first
        if self._applied.end > fact.log_next:
            self.refute(
                f"shard {fact.shard} has applied commands up to {self._applied.end}, and the log holds "
                f"{fact.log_next}",
                shard=fact.shard,
                log_offset=fact.log_offset,
                log_next=fact.log_next,
            )
        if fact.log_offset < fact.log_first:
            self.refute(
                f"shard {fact.shard} goes on from offset {fact.log_offset}, and the log begins with "
                f"{fact.log_first}",
                shard=fact.shard,
                log_offset=fact.log_offset,
                log_first=fact.log_first,
            )

    def rejection(self, fact: Rejection) -> None:
        """A command that was refused."""
        if fact.offset not in self._applied:
            self.refute(
                f"the command {fact.offset} of shard {fact.shard} was rejected before its turn",
                shard=fact.shard,
                offset=fact.offset,
                log_offset=self._shard.log_offset,
            )
        if fact.offset >= self._shard.log_first:
            self._rejected.add(fact.offset)

    def commit(self, fact: Commit) -> None:
        """The next row in the order of commits."""
        if fact.commit_number != self._commit:
            self._commit = fact.commit_number
            self._before.update(self._highest)
            self._highest.clear()
            self._in_commit.clear()
        last = -1
        for offset, first in fact.logged:
            self.checked += 1
            self._cause(fact, offset, first, last)
            last = max(last, offset)

    def _cause(self, fact: Commit, offset: int, first: str, last: int) -> None:
        if first == ENGINE_ERROR:
            self._quarantined.add(fact.execution_id)
        lane = hash_digits_of(fact.execution_id)
        before = self._before.get(lane, -1)
        if offset not in self._applied:
            self._refute(fact, offset, "the shard has not applied that")
        elif offset in self._in_commit or offset == last:
            if fact.execution_id not in self._quarantined:
                self._refute(fact, offset, "the same command is a cause elsewhere in that commit")
        elif offset <= before or offset < last:
            if fact.execution_id in self._quarantined:
                self.note("commands taken up again out of the dead letters")
                return
            self._refute(
                fact, offset, f"command {max(before, last)} was applied before: out of order, or twice"
            )
        self._in_commit.add(offset)
        self._highest[lane] = max(self._highest.get(lane, before), offset)
        if offset >= self._shard.log_first:
            self._caused[offset] = (fact.execution_id, first)
            if first in (ENGINE_ERROR, FIRST_EVENTS[START]):
                self._begun.add(fact.execution_id)

    def _refute(self, fact: Commit, offset: int, reason: str) -> None:
        self.refute(
            f"event {fact.sequence} of {fact.execution_id} comes from command {offset} of shard "
            f"{fact.shard}, "
            f"but {reason}",
            shard=fact.shard,
            offset=offset,
            execution_id=fact.execution_id,
            sequence=fact.sequence,
            commit_number=fact.commit_number,
        )

    def trimmed(self, fact: Trimmed) -> None:
        """The log goes on with a later record."""
        self.note("times that records left the log while it was read")
        self._next = max(self._next, fact.offset)

    def log(self, fact: LogRecord, *, peer: int) -> None:
        """The next record of the log; `peer` is the last message of its source that was applied."""
        if fact.offset != self._next:
            self._refute_record(fact, f"the log goes on with it after {self._next - 1}")
        self._next = fact.offset + 1
        if fact.home != fact.shard:
            self._refute_record(fact, f"its lane belongs to shard {fact.home}")
        if fact.offset not in self._applied:
            self.leave_open("commands that wait in the log")
            return
        self.checked += 1
        caused = self._caused.get(fact.offset)
        if caused is not None:
            self._compare(fact, *caused)
        elif fact.offset in self._rejected:
            self.note("commands rejected")
        elif self._letters.holds_command(fact.shard, fact.offset):
            self.note("commands among the dead letters")
        else:
            self._without_events(fact, peer)

    def _compare(self, fact: LogRecord, execution_id: str, first: str) -> None:
        if fact.offset in self._rejected:
            self._refute_record(fact, f"it was rejected, and has changed {execution_id}")
        if fact.target != execution_id:
            self._refute_record(
                fact, f"it is for {fact.target or 'a lane'}, and history has it as a cause in {execution_id}"
            )
        elif (
            first not in (ENGINE_ERROR, FIRST_EVENTS.get(fact.kind)) and execution_id not in self._quarantined
        ):
            self._refute_record(fact, f"it is a {fact.kind}, and the first event that it caused is {first}")

    def _without_events(self, fact: LogRecord, peer: int) -> None:
        """A command that left no event: for each kind either another trace, or a reason why it need not."""
        if fact.source_sequence:
            if fact.source_sequence > peer and fact.offset < self._shard.log_offset:
                self._refute_record(
                    fact,
                    f"it is message {fact.source_sequence} of shard {fact.source_shard}, of which "
                    f"{peer} was the last one passed",
                )
            else:
                self.note("messages without trace: repeats, and those that changed no execution")
        elif fact.kind == HEAR:
            self._heard(fact)
        elif fact.kind == START and fact.target in self._begun:
            self.note("repeated starts")
        elif fact.kind == START and fact.known and self._shard.log_first > 0:
            self.note("repeated starts, as far as the log still tells")
        elif fact.accepted_at_us < self._header.complete_from_us:
            self.note("commands without trace: of executions, if of any, that may be forgotten")
        elif self._header.now_us - fact.accepted_at_us >= self._header.rejection_retention_us:
            self.note("commands without trace: rejected, if at all, longer ago than rejections are kept")
        elif fact.kind == START or fact.kind in _REQUESTS:
            self._refute_record(fact, "it left neither events nor a rejection: it is lost")
        else:
            self._refute_record(fact, "it left no trace, though the shard says that it is applied")

    def _heard(self, fact: LogRecord) -> None:
        if fact.known:
            self.note("events heard by lanes")
        elif self._header.now_us - fact.accepted_at_us >= self._header.lane_seen_us:
            self.note("events without trace: heard longer ago than lanes remember")
        else:
            self._refute_record(fact, "it is an event that its lane has not heard: it is lost")

    def _refute_record(self, fact: LogRecord, reason: str) -> None:
        self.refute(
            f"command {fact.offset} of shard {fact.shard} ({fact.kind} of "
            f"{fact.about or fact.target or 'a lane'}): "
            f"{reason}",
            shard=fact.shard,
            offset=fact.offset,
            kind=fact.kind,
            execution_id=fact.target,
            source_shard=fact.source_shard,
            source_sequence=fact.source_sequence,
        )

    def end_of_shard(self) -> None:
        """The log of the shard has ended."""
        if self._next < self._shard.log_next:
            self.refute(
                f"the log of shard {self._shard.shard} ends with {self._next - 1}, and should with "
                f"{self._shard.log_next - 1}",
                shard=self._shard.shard,
                offset=self._next,
            )
