"""Messages between executions and lanes: applied once, in order, and none lost that somebody waits for."""

from tidemill.checking.facts import (
    Commit,
    LogRecord,
    Outgoing,
    Peer,
    Shard,
    Waits,
)
from tidemill.checking.invariant import Invariant
from tidemill.checking.letters import DeadLetters


class _Source:
    """What the log of one shard holds of the messages of another."""

    def __init__(self, first: int) -> None:
        self.highest = 0
        self._first = first
        self._seen: set[int] = set()

    def is_overtaken(self, sequence: int) -> bool:
        """Whether a message comes for the first time, and after a later one.

        What comes again is a repeat; what is from before the first one that the log holds may be one of a
        message in the part that is gone.
        """
        overtaken = self._first < sequence < self.highest and sequence not in self._seen
        self._seen.add(sequence)
        self.highest = max(self.highest, sequence)
        return overtaken


class MessagesOnce(Invariant):
    """Shard by shard, and for each wait that only a message can end."""

    name = "messages"
    claim = (
        "messages of a shard are applied in the order of their numbers and once; none overtakes "
        "another; a child "
        "that has ended and a wait that has begun are known where they must be, or a message of it "
        "is under way"
    )
    source = (
        "architecture 8: outbox, in order of sequence, and the receiver recognises (source shard, sequence)"
    )

    def __init__(self, letters: DeadLetters) -> None:
        super().__init__()
        self._letters = letters
        self._shard = Shard(0, 0, 0, 0, 0, 0, 0, 0)
        self._applied_commands = self._shard.applied
        self._own = 0
        self._commit = 0
        self._own_before = 0
        self._peers: dict[int, int] = {}
        self._sources: dict[int, _Source] = {}
        # By number of the shard: the last message sent, and the highest that others have applied.
        self._sent: dict[int, int] = {}
        self._applied: dict[int, tuple[int, int]] = {}
        # Who waits for what a message must bring: execution -> (sentence, what it waits for).
        self._waiting: dict[str, list[str]] = {}
        self._under_way: set[str] = set()

    def peer_of(self, source_shard: int) -> int:
        """The last message of that shard among the commands that this one has passed."""
        return self._peers.get(source_shard, 0)

    def waits(self, fact: Waits) -> None:
        """What an execution waits for, and nobody seems to know of."""
        waits = self._waiting.setdefault(fact.execution_id, [])
        for child, phase in fact.children:
            waits.append(f"waits for its child {child}, which is {phase or 'not there'}")
        for subscription_id in fact.unheard:
            waits.append(f"waits under {subscription_id}, and no lane knows of it")

    def shard(self, fact: Shard) -> None:
        """What the shard has sent and taken follows."""
        self._shard = fact
        self._applied_commands = fact.applied
        self._own = self._own_before = self._commit = 0
        self._peers.clear()
        self._sources.clear()
        self._sent[fact.shard] = fact.outbox_sequence

    def peer(self, fact: Peer) -> None:
        """How far the shard is with another one's messages."""
        self.checked += 1
        self._peers[fact.source_shard] = fact.sequence
        highest = self._applied.get(fact.source_shard, (0, 0))
        self._applied[fact.source_shard] = max(highest, (fact.sequence, fact.shard))

    def commit(self, fact: Commit) -> None:
        """Messages of the shard to itself, in the order in which they were applied."""
        if fact.commit_number != self._commit:
            self._commit, self._own_before = fact.commit_number, self._own
        for sequence in fact.messages:
            self.checked += 1
            if sequence <= self._own_before or sequence > self._shard.outbox_sequence:
                self.refute(
                    f"event {fact.sequence} of {fact.execution_id} comes from message {sequence} of shard "
                    f"{fact.shard}, of which {self._own_before} was applied before, and "
                    f"{self._shard.outbox_sequence} was the last one sent",
                    shard=fact.shard,
                    message=sequence,
                    execution_id=fact.execution_id,
                    sequence=fact.sequence,
                    commit_number=fact.commit_number,
                )
            self._own = max(self._own, sequence)

    def outgoing(self, fact: Outgoing) -> None:
        """A message in the outbox: comes after the commits of its shard."""
        self.checked += 1
        self._under_way.add(fact.about)
        passed = fact.target_shard == fact.shard and fact.sequence < self._own
        if passed or fact.sequence > self._shard.outbox_sequence:
            self.refute(
                f"message {fact.sequence} of shard {fact.shard} waits in the outbox, and {self._own} "
                "was applied, "
                f"{self._shard.outbox_sequence} the last one sent",
                shard=fact.shard,
                message=fact.sequence,
                about=fact.about,
            )
        else:
            self.leave_open("messages in the outbox")

    def log(self, fact: LogRecord) -> None:
        """A record of the log."""
        if fact.offset not in self._applied_commands:
            self._under_way.add(fact.about)
        if not fact.source_sequence:
            return
        self.checked += 1
        source = self._sources.setdefault(fact.source_shard, _Source(fact.source_sequence))
        if source.is_overtaken(fact.source_sequence):
            self.refute(
                f"message {fact.source_sequence} of shard {fact.source_shard} comes to shard "
                f"{fact.shard} after "
                f"{source.highest}, at offset {fact.offset}: it is taken for a repeat and lost",
                shard=fact.shard,
                offset=fact.offset,
                source_shard=fact.source_shard,
                source_sequence=fact.source_sequence,
            )

    def end(self) -> None:
        """All shards have been told."""
        for source, (sequence, shard) in self._applied.items():
            if sequence > self._sent.get(source, 0):
                self.refute(
                    f"shard {shard} has applied message {sequence} of shard {source}, which has sent "
                    f"{self._sent.get(source, 0)}",
                    shard=shard,
                    source_shard=source,
                    source_sequence=sequence,
                )
        for execution_id, waits in self._waiting.items():
            self.checked += len(waits)
            if execution_id in self._under_way or self._letters.concern(execution_id):
                self.leave_open("waits for messages under way", len(waits))
                continue
            for what in waits:
                self.refute(
                    f"{execution_id} {what}, and no message of it is under way",
                    execution_id=execution_id,
                    waits=what,
                )
        self._waiting.clear()
