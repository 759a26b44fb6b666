"""The state of one execution: a tree of task frames. Only `apply` writes it; deciders read views of it."""

from enum import IntEnum
from typing import Final, NamedTuple

from tidemill.engine.core.events import (
    ActionCompleted,
    ActionRequested,
    ChildCompleted,
    EventReceived,
    Kind,
    SlotRequested,
    Subscription,
    TriggerOrigin,
)
from tidemill.engine.core.payload import EMPTY_OBJECT, Payload
from tidemill.engine.core.problems import Problem
from tidemill.json import Json


class Phase(IntEnum):
    """Where an execution stands; the numbers are those of the contract."""

    PENDING = 1
    RUNNING = 2
    WAITING = 3
    SUSPENDED = 4
    CANCELLED = 5
    FAULTED = 6
    COMPLETED = 7


CLOSED_PHASES: Final = frozenset({Phase.CANCELLED, Phase.FAULTED, Phase.COMPLETED})


class FrameStatus(IntEnum):
    """A frame outlives its task only in a faulted execution, so that a Retry can enter the task again."""

    LIVE = 1
    FAULTED = 2
    CANCELLED = 3


class TimerKind(IntEnum):
    """What a timer of a frame is for."""

    WAIT = 1
    TIMEOUT = 2
    RETRY = 3
    ATTEMPT = 4
    YIELD = 5


class Timer(NamedTuple):
    """An armed timer: whose it is, what for, and when it is due."""

    reference: str
    kind: TimerKind
    due_at_us: int


class EntryCounts:
    """How often each task below a block was entered, in one round of the nearest loop.

    A tree that follows the blocks of the document: what lies below a block changes only while the block
    has a frame, so that its part can be put aside when it is entered and put back when it is retried.
    """

    __slots__ = ("blocks", "entries")

    def __init__(self) -> None:
        self.entries: dict[str, int] = {}
        self.blocks: dict[str, EntryCounts] = {}

    def copy(self) -> "EntryCounts":
        """A copy of the whole tree (as deep as the document's blocks)."""
        copied = EntryCounts()
        copied.entries = dict(self.entries)
        copied.blocks = {reference: block.copy() for reference, block in self.blocks.items()}
        return copied

    def raise_to(self, other: "EntryCounts") -> None:
        """Raise each count to that of another tree, where that is higher."""
        for reference, count in other.entries.items():
            self.entries[reference] = max(count, self.entries.get(reference, 0))
        for reference, block in other.blocks.items():
            self.blocks.setdefault(reference, EntryCounts()).raise_to(block)


class Loop:
    """What a `for` or a `listen` adds to its frame: its items, and the round, -1 before the first."""

    __slots__ = ("index", "items")

    def __init__(self, items: Payload) -> None:
        self.items = items
        self.index = -1


class Attempts:
    """What a `try` adds to its frame, once it limits its attempts or has caught an error."""

    __slots__ = ("attempt_timeout_us", "caught", "retries", "retry")

    def __init__(self) -> None:
        self.attempt_timeout_us = 0
        # The error at hand: set from when it is caught until the retry begins.
        self.caught: Problem | None = None
        # The retry that is to come, 0 when none is: then the handler runs.
        self.retry = 0
        self.retries = 0


class Listening:
    """What a `listen` adds to its frame: what it waits for, and what it has heard.

    `received` are the events taken so far, in order, each with the sequence of its fact. `expected` are the
    correlation values that are known, by name. `outputs` are those of the rounds of a `foreach` that have
    ended, None where that is the event itself.
    """

    __slots__ = ("expected", "is_open", "outputs", "received", "received_bytes", "subscriptions")

    def __init__(self, subscriptions: tuple[Subscription, ...]) -> None:
        self.subscriptions = subscriptions
        self.is_open = True
        self.received: list[tuple[int, EventReceived]] = []
        self.received_bytes = 0
        self.expected: dict[str, Json] = {}
        self.outputs: list[Payload | None] = []


class Frame:
    """One task under way, or the execution itself (reference "")."""

    __slots__ = (
        "activations",
        "attempt",
        "attempts",
        "branch",
        "child",
        "children",
        "counts",
        "counts_at_entry",
        "counts_high",
        "data",
        "ended",
        "ended_sequence",
        "error",
        "fired",
        "input",
        "key",
        "listening",
        "loop",
        "outcome",
        "outcome_sequence",
        "outputs",
        "parent",
        "raw_input",
        "reference",
        "request",
        "retries_before",
        "retries_inside",
        "slot",
        "started_at_us",
        "status",
        "timeout_us",
        "timers",
    )

    def __init__(
        self, reference: str, parent: "Frame | None", raw_input: Payload, started_at_us: int
    ) -> None:
        self.reference = reference
        self.parent = parent
        self.raw_input = raw_input
        self.started_at_us = started_at_us
        # The transformed input, and the raw output so far.
        self.input = self.data = raw_input
        self.activations = ""
        self.attempt = 1
        self.status = FrameStatus.LIVE
        self.error: Problem | None = None
        # How long the task may take; 0 for any time.
        self.timeout_us = 0
        self.timers: dict[TimerKind, str] | None = None
        # Timers that fired and were not acted upon yet, with the sequence of the fact.
        self.fired: dict[TimerKind, int] | None = None
        self.key = ""
        self.request: ActionRequested | None = None
        self.outcome: ActionCompleted | None = None
        self.outcome_sequence = 0
        self.children: dict[str, Frame] | None = None
        self.counts: EntryCounts | None = None
        self.counts_at_entry: EntryCounts | None = None
        # The highest counts of attempts that were given up: what is entered after this task starts above.
        self.counts_high: EntryCounts | None = None
        # The index of the branch that the task is of its `fork`, else -1; and a fork's outputs by branch.
        self.branch = -1
        self.outputs: dict[int, Payload] | None = None
        self.loop: Loop | None = None
        self.attempts: Attempts | None = None
        self.listening: Listening | None = None
        # The child that the task waits for, and how it ended, with the sequence of the fact.
        self.child = ""
        self.ended: ChildCompleted | None = None
        self.ended_sequence = 0
        # The slot that the task has asked for and not been given.
        self.slot: SlotRequested | None = None
        # Retries of this task and of every task below it, since it was entered.
        self.retries_inside = 0
        # Those of earlier lives, of this task or of one around it, that an operator's retry ended: attempts
        # of a key have to rise above them.
        self.retries_before = 0


class ExecutionState:
    """One execution: the fold of its events."""

    __slots__ = (
        "actions",
        "cancelling",
        "children",
        "closed_at_us",
        "context",
        "depth",
        "error",
        "execution_id",
        "frames",
        "halt",
        "heard",
        "input_digest",
        "kind",
        "namespace",
        "origin",
        "output",
        "parent",
        "reason",
        "request_id",
        "retries",
        "root",
        "sequence",
        "slots",
        "started_at_us",
        "stop",
        "subject",
        "subscriptions",
        "timers",
        "traceparent",
        "version",
        "workflow",
        "yielded",
        "yields",
        "yields_in_a_row",
    )

    def __init__(self, execution_id: str, root: Frame) -> None:
        self.execution_id = execution_id
        self.namespace = ""
        self.workflow = ""
        self.version = ""
        self.subject = ""
        self.origin: TriggerOrigin | None = None
        self.request_id = ""
        self.input_digest = b""
        self.traceparent = ""
        self.root = root
        # All frames by task reference; the execution's own is not among them.
        self.frames: dict[str, Frame] = {}
        # Calls without an outcome by key, and cancelled ones without an end: (key, attempt) -> reference.
        self.actions: dict[str, Frame] = {}
        self.cancelling: dict[tuple[str, int], str] = {}
        self.timers: dict[str, Timer] = {}
        self.kind = Kind.WORKFLOW
        # The execution that waits for the end of this one, empty for none; how many stand above it.
        self.parent = ""
        self.depth = 0
        # Open subscriptions by id, with the reference of the task ("" for `stopOn`); children that tasks
        # wait for, and slots that they have asked for, each by its id.
        self.subscriptions: dict[str, tuple[str, Subscription]] = {}
        self.children: dict[str, Frame] = {}
        self.slots: dict[str, Frame] = {}
        # Events taken, by source and id, with the time: none is heard twice.
        self.heard: dict[tuple[str, str], int] = {}
        # The event that ends the execution, until its end is recorded.
        self.stop: EventReceived | None = None
        # What waits for the YIELD timer, in order: tasks to enter, and (True) tasks that begin their next
        # round. How often the timer was armed, and how often since the last fact.
        self.yielded: dict[str, bool] = {}
        self.yields = 0
        self.yields_in_a_row = 0
        self.context = EMPTY_OBJECT
        # The operator's retries.
        self.retries = 0
        # The number of the last event.
        self.sequence = 0
        self.started_at_us = root.started_at_us
        self.closed_at_us = 0
        # What holds the execution: suspended, or one of the ends; None while it goes on.
        self.halt: Phase | None = None
        self.output: Payload | None = None
        self.error: Problem | None = None
        self.reason = ""

    def take_apart(self) -> None:
        """Undo the circles between frames and their parents: the state is of no use any more, and its memory
        comes back at once, without a search for circles through everything that is in memory."""
        for frame in self.frames.values():
            frame.parent = None

    @property
    def phase(self) -> Phase:
        """The phase. Between two commands, a live execution with nothing under way only waits for time or
        events."""
        if self.halt is not None:
            return self.halt
        if self.actions or self.children or self.yielded:
            return Phase.RUNNING
        return Phase.WAITING if self.timers or self.subscriptions or self.slots else Phase.RUNNING

    @property
    def owes(self) -> bool:
        """Whether an effect of this execution has no answer yet, in whatever phase."""
        return bool(self.actions or self.cancelling)
