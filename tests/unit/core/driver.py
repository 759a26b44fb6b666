"""Drives one execution through the core, and checks after every command what must always hold."""

from collections.abc import Mapping
from typing import Any, Self, TypeAlias

from tests.unit.core.snapshots import snapshot
from tidemill.engine.core.apply import fold
from tidemill.engine.core.commands import (
    Cancel,
    Command,
    CompleteAction,
    ConfirmCancellation,
    EndChild,
    FireTimer,
    GrantSlot,
    Resume,
    Retry,
    Start,
    Suspend,
)
from tidemill.engine.core.decide import decide
from tidemill.engine.core.decision import Decision, RejectionReason
from tidemill.engine.core.documents import NO_DOCUMENTS
from tidemill.engine.core.effects import (
    ArmTimer,
    CallAction,
    CancelAction,
    CancelChild,
    DisarmTimer,
    Message,
    RequestSlot,
    StartChild,
    Subscribe,
    TellParent,
    Unsubscribe,
)
from tidemill.engine.core.events import (
    ActionState,
    ChildRequested,
    ChildState,
    Event,
    SlotRequested,
    Subscription,
    TriggerOrigin,
)
from tidemill.engine.core.owed import armed_timers, owed_effects
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.plan import compile_plan
from tidemill.engine.core.problems import Problem
from tidemill.engine.core.settings import CoreSettings
from tidemill.engine.core.state import ExecutionState, Phase
from tidemill.engine.core.tasks.registry import KINDS, Kinds
from tidemill.engine.records import Cause, decode_batch, encode_batch
from tidemill.json import Json

# What tests write down as JSON: literals, whose exact types nobody wants to spell out.
Value: TypeAlias = Any
Task: TypeAlias = dict[str, Any]

EXECUTION_ID = "0a1b2c3d-0190f0aa-1111-7222-8333-444455556666"
SECOND_US = 1_000_000
START_US = 1_700_000_000 * SECOND_US
PROBLEM_TYPE = "https://example.com/errors/outage"


def document(*tasks: Task, **members: Value) -> dict[str, Json]:
    """A workflow of these tasks."""
    header: Json = {"dsl": "1.0.3", "namespace": "shop", "name": "orders", "version": "1.2.3"}
    return {"document": header, "do": list(tasks), **members}


class Driver:
    """One execution, with the rows and calls that the outside would hold for it."""

    def __init__(
        self,
        *tasks: Task,
        settings: CoreSettings | None = None,
        kinds: Kinds = KINDS,
        documents: Mapping[str, bytes] = NO_DOCUMENTS,
        **members: Value,
    ) -> None:
        self.plan = compile_plan(
            document(*tasks, **members), settings=settings, kinds=kinds, documents=documents
        )
        self.now_us = START_US
        self.seed = 7
        self.maybe_state: ExecutionState | None = None
        self.rows: list[bytes] = []
        self.events: list[Event] = []
        self.timers: dict[str, int] = {}
        self.calls: dict[tuple[str, int], CallAction] = {}
        self.cancellations: set[tuple[str, int]] = set()
        self.all_calls: list[CallAction] = []
        # Children that have not ended, all that were started, and those that are to end.
        self.children: dict[str, ChildRequested] = {}
        self.all_children: list[ChildRequested] = []
        self.cancelled_children: list[str] = []
        self.told: list[TellParent] = []
        self.slots: dict[str, SlotRequested] = {}
        # What lanes hold for it, and the ids of all waits that ever were.
        self.subscriptions: dict[str, tuple[str, Subscription]] = {}
        self.all_subscriptions: list[str] = []
        self.checks = True

    @property
    def state(self) -> ExecutionState:
        """The state, once it is there."""
        assert self.maybe_state is not None
        return self.maybe_state

    @property
    def phase(self) -> Phase:
        """The execution's phase."""
        return self.state.phase

    @property
    def output(self) -> Json:
        """The output of a completed execution."""
        assert self.phase is Phase.COMPLETED, self.state.error
        assert self.state.output is not None
        return self.state.output.value

    @property
    def error(self) -> Problem:
        """The error of a faulted execution."""
        assert self.phase is Phase.FAULTED
        assert self.state.error is not None
        return self.state.error

    def start(self, given: Value = None, *, subject: str = "", origin: TriggerOrigin | None = None) -> Self:
        """Start with an input; None stands for the empty object."""
        payload = Payload.of({} if given is None else given)
        command = Start(
            execution_id=EXECUTION_ID,
            namespace="shop",
            workflow="orders",
            version="1.2.3",
            input=payload,
            input_digest=payload.data,
            subject=subject,
            origin=origin,
        )
        self.command(command)
        return self

    def command(self, command: Command) -> Decision:
        """Decide a command, and take on what it asks of the outside."""
        self.seed += 1
        before = snapshot(self.state) if self.maybe_state else None
        decision = decide(self.plan, self.maybe_state, command, now_us=self.now_us, seed=self.seed)
        self.maybe_state = decision.state
        if not decision.events:
            assert before == (snapshot(self.state) if self.maybe_state else None)
            assert not decision.effects
            return decision
        assert decision.rejection is None
        self._take_on(command, decision)
        self.check()
        return decision

    def _take_on(self, command: Command, decision: Decision) -> None:
        causes = [Cause(len(decision.events), None)]
        self.rows.append(encode_batch(decision.events, causes, self.now_us))
        self.events.extend(decision.events)
        if isinstance(command, FireTimer):
            self.timers.pop(command.timer_id, None)
        for effect in decision.effects:
            match effect:
                case CallAction():
                    assert (effect.key, effect.attempt) not in {
                        (call.key, call.attempt) for call in self.all_calls
                    }, "a call was made twice"
                    self.calls[effect.key, effect.attempt] = effect
                    self.all_calls.append(effect)
                case CancelAction():
                    self.cancellations.add((effect.key, effect.attempt))
                    self.calls.pop((effect.key, effect.attempt), None)
                case ArmTimer():
                    assert effect.timer_id not in self.timers, "a timer was armed twice"
                    self.timers[effect.timer_id] = effect.due_at_us
                case DisarmTimer():
                    self.timers.pop(effect.timer_id, None)
                case _:
                    self._send(effect)

    def _send(self, message: Message) -> None:
        match message:
            case StartChild():
                self._start_child(message.child)
            case CancelChild():
                del self.children[message.execution_id]
                self.cancelled_children.append(message.execution_id)
            case TellParent():
                self.told.append(message)
            case RequestSlot():
                assert message.slot.request_id not in self.slots, "a slot was asked for twice"
                self.slots[message.slot.request_id] = message.slot
            case Subscribe():
                self._subscribe(message)
            case Unsubscribe():
                _, wait = self.subscriptions.pop(message.subscription_id)
                assert wait.lane == message.lane

    def _subscribe(self, effect: Subscribe) -> None:
        wait = effect.subscription
        assert wait.id not in self.all_subscriptions, "a wait began twice"
        assert self.plan.shape(effect.reference, wait.filter)
        self.all_subscriptions.append(wait.id)
        self.subscriptions[wait.id] = (effect.reference, wait)

    def _start_child(self, child: ChildRequested) -> None:
        started = {earlier.execution_id for earlier in self.all_children}
        assert child.execution_id not in started, "a child was started twice"
        self.all_children.append(child)
        if child.awaited:
            self.children[child.execution_id] = child

    def check(self) -> None:
        """State = fold; rows = armed timers; owed = released and not answered; sequence without gaps."""
        state = self.state
        if not self.checks:
            return
        assert state.sequence == len(self.events)
        stored = [decode_batch(row) for row in self.rows]
        history = [(batch.now_us, event) for batch in stored for event in batch.events]
        assert snapshot(fold(EXECUTION_ID, history)) == snapshot(state)
        assert [event for _, event in history] == self.events
        assert {timer.timer_id: timer.due_at_us for timer in armed_timers(state)} == self.timers
        owed = owed_effects(state)
        assert [effect for effect in owed if isinstance(effect, CallAction)] == list(self.calls.values())
        cancelled = {(effect.key, effect.attempt) for effect in owed if isinstance(effect, CancelAction)}
        assert cancelled == self.cancellations
        assert state.owes == bool(owed)
        # No task waits for another child than these, nor for a slot that was not asked for.
        assert set(state.children) == set(self.children)
        assert set(state.slots) <= set(self.slots)
        assert state.subscriptions == self.subscriptions

    # What the outside does.

    def call_of(self, reference: str) -> CallAction:
        """The call that a task waits for."""
        found = [call for call in self.calls.values() if call.reference == reference]
        assert found, f"{reference} waits for no call, but {[call.reference for call in self.calls.values()]}"
        return found[-1]

    def succeed(self, reference: str, output: Value = None) -> Decision:
        """A task's action gives an output."""
        call = self.call_of(reference)
        return self.answer(call, ActionState.SUCCEEDED, output=Payload.of(output))

    def fail(self, reference: str, *, status: int = 503, error_type: str = PROBLEM_TYPE) -> Decision:
        """A task's action gives an error."""
        call = self.call_of(reference)
        return self.answer(call, ActionState.FAILED, error=Problem(error_type, status, "Outage"))

    def answer(
        self,
        call: CallAction,
        state: ActionState,
        *,
        output: Payload | None = None,
        error: Problem | None = None,
    ) -> Decision:
        """The outcome of a call comes, wanted or not."""
        self.calls.pop((call.key, call.attempt), None)
        self.cancellations.discard((call.key, call.attempt))
        return self.command(CompleteAction(call.key, call.attempt, state, output, error))

    def confirm(self, key: str) -> Decision:
        """The Action service confirms a cancellation."""
        self.cancellations = {owed for owed in self.cancellations if owed[0] != key}
        return self.command(ConfirmCancellation(key))

    def child_of(self, reference: str) -> ChildRequested:
        """The child that a task waits for."""
        return self.children[self.state.frames[reference].child]

    def end_child(
        self,
        child: ChildRequested,
        state: ChildState = ChildState.COMPLETED,
        *,
        output: Value = None,
        error: Problem | None = None,
    ) -> Decision:
        """A child ends, wanted or not."""
        self.children.pop(child.execution_id, None)
        given = Payload.of(output) if state is ChildState.COMPLETED else None
        return self.command(EndChild(child.execution_id, state, given, error))

    def grant(self, request_id: str, seconds: int = 0) -> Decision:
        """A pace lane gives a slot so many seconds from now, wanted or not."""
        self.slots.pop(request_id, None)
        return self.command(GrantSlot(request_id, self.now_us + seconds * SECOND_US))

    def fire_next(self) -> Decision:
        """Time passes until the next timer is due, and it fires."""
        timer_id, due_at_us = min(self.timers.items(), key=lambda item: item[1])
        self.now_us = max(self.now_us, due_at_us)
        return self.command(FireTimer(timer_id))

    def go_on(self) -> "Driver":
        """Let it go on from its yields until it waits for something else, or has ended."""
        while yields := [timer for timer in self.timers if ":yield/" in timer]:
            self.command(FireTimer(yields[0]))
        return self

    def cancel(self) -> Decision:
        """An operator ends it."""
        return self.command(Cancel("enough"))

    def suspend(self) -> Decision:
        """An operator pauses it."""
        return self.command(Suspend("maintenance"))

    def resume(self) -> Decision:
        """An operator lets it go on."""
        return self.command(Resume())

    def retry(self) -> Decision:
        """An operator retries it."""
        return self.command(Retry())

    def names(self, kind: type[Event]) -> list[str]:
        """The names of the tasks of all events of a kind, in order."""
        return [
            event.reference.rpartition("/")[2]  # type: ignore[union-attr]
            for event in self.events
            if isinstance(event, kind)
        ]


def rejected(decision: Decision) -> RejectionReason:
    """Why a command was refused."""
    assert decision.rejection is not None
    return decision.rejection.reason


def set_task(name: str, value: Value, **members: Value) -> Task:
    """A `set` task."""
    return {name: {"set": value, **members}}


def call_task(name: str, given: Value = None, **members: Value) -> Task:
    """A call of the function `work:1.0.0`."""
    definition: Task = {"call": "work:1.0.0", **members}
    return {name: definition if given is None else {**definition, "with": given}}


def wait_task(name: str, seconds: int, **members: Value) -> Task:
    """A `wait` task."""
    return {name: {"wait": {"seconds": seconds}, **members}}


def raise_task(name: str, status: Value = 400, **members: Value) -> Task:
    """A `raise` task."""
    return {name: {"raise": {"error": {"type": PROBLEM_TYPE, "status": status}}, **members}}
