"""A shard as its owner holds it in memory between two commits."""

from dataclasses import dataclass, field
from itertools import takewhile

from tidemill.api.events.v1.command_pb2 import Command
from tidemill.applied_offsets import AppliedOffsets


@dataclass(slots=True)
class OwnedShard:
    """A shard that this process owns: its epoch, and where its last commit left it."""

    shard: int
    epoch: int
    applied: AppliedOffsets
    clock_us: int
    commit_number: int
    # The number of the last message that went to the outbox.
    outbox_sequence: int = 0
    # The last message by source shard, as far as the log was read; and by offset, in their order, the
    # messages (source shard, sequence) that the next offset has not passed.
    peers: dict[int, int] = field(default_factory=dict)
    read: dict[int, tuple[int, int]] = field(default_factory=dict)
    # When a lane of it heard the last event, since this process has it.
    heard_us: int = 0

    @property
    def log_offset(self) -> int:
        """The first command of the log that is not applied."""
        return self.applied.next

    def is_repeat(self, offset: int, record: Command) -> bool:
        """Whether a command that was read, in the order of the log, is a message that came before.

        That is decided here and not where it is applied, for lanes apply the messages of one shard out of
        their order.
        """
        source, sequence = record.source_shard, record.source_sequence
        if not sequence:
            return False
        if sequence <= self.peers.get(source, 0):
            return True
        self.peers[source] = sequence
        self.read[offset] = (source, sequence)
        return False

    def peers_passed(self, next_offset: int) -> dict[int, int]:
        """The last message by source shard among those that such a next offset would have passed."""
        messages = takewhile(lambda read: read[0] < next_offset, self.read.items())
        return dict(message for _, message in messages)

    def move(self, applied: AppliedOffsets) -> None:
        """A commit has applied these."""
        for offset in list(takewhile(lambda offset: offset < applied.next, self.read)):
            del self.read[offset]
        self.applied = applied
