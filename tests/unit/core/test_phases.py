"""Every command in every phase, against one table written down again."""

from collections.abc import Callable
from typing import get_args

import pytest

from tests.unit.core.driver import EXECUTION_ID, Driver, call_task, rejected, wait_task
from tests.unit.core.snapshots import snapshot
from tidemill.engine.core import commands
from tidemill.engine.core.commands import Command
from tidemill.engine.core.decide import decide
from tidemill.engine.core.decision import RejectionReason
from tidemill.engine.core.events import ActionState, ChildState
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.phases import TRANSITIONS, Move
from tidemill.engine.core.state import Phase

KEY = f"{EXECUTION_ID}:/do/0/ask#1"
STRANGER = "nobody"


def pending() -> Driver:
    return Driver(call_task("ask"))


def running() -> Driver:
    return Driver(call_task("ask"), wait_task("pause", 5)).start()


def waiting() -> Driver:
    driver = running()
    driver.succeed("/do/0/ask")
    return driver


def suspended() -> Driver:
    driver = running()
    driver.suspend()
    return driver


def cancelled() -> Driver:
    driver = running()
    driver.cancel()
    return driver


def faulted() -> Driver:
    driver = running()
    driver.fail("/do/0/ask")
    return driver


def completed() -> Driver:
    driver = waiting()
    driver.fire_next()
    return driver


PHASES: dict[Phase, Callable[[], Driver]] = {
    Phase.PENDING: pending,
    Phase.RUNNING: running,
    Phase.WAITING: waiting,
    Phase.SUSPENDED: suspended,
    Phase.CANCELLED: cancelled,
    Phase.FAULTED: faulted,
    Phase.COMPLETED: completed,
}
START = commands.Start(
    execution_id=EXECUTION_ID,
    namespace="shop",
    workflow="orders",
    version="1.2.3",
    input=Payload.of({}),
    input_digest=b"{}",
)
COMMANDS: dict[str, Command] = {
    "start": START,
    "cancel": commands.Cancel("r"),
    "suspend": commands.Suspend("r"),
    "resume": commands.Resume(),
    "retry": commands.Retry(),
    "result": commands.CompleteAction(STRANGER, 1, ActionState.SUCCEEDED),
    "confirm": commands.ConfirmCancellation(STRANGER),
    "timer": commands.FireTimer(STRANGER),
    "event": commands.DeliverEvent(STRANGER, Payload.of({"id": "1", "source": "/s"}), 1),
    "child": commands.EndChild(STRANGER, ChildState.COMPLETED, Payload.of(1)),
    "slot": commands.GrantSlot(STRANGER, 1),
}
# What each command leads to: a phase when it is taken, "-" when nothing happens, "no" when it is refused.
EXPECTED = """
            pending  running   waiting   suspended cancelled faulted completed
    start   running  -         -         -         -         -       -
    cancel  no       cancelled cancelled cancelled no        no      no
    suspend no       suspended suspended no        no        no      no
    resume  no       no        no        running   no        no      no
    retry   no       no        no        no        no        running no
    result  -        -         -         -         -         -       -
    confirm -        -         -         -         -         -       -
    timer   -        -         -         -         -         -       -
    event   -        -         -         -         -         -       -
    child   -        -         -         -         -         -       -
    slot    -        -         -         -         -         -       -
"""


def expectations() -> list[tuple[Phase, str, str]]:
    heading, *rows = EXPECTED.strip().splitlines()
    phases = [Phase[name.upper()] for name in heading.split()]
    return [
        (phase, row.split()[0], outcome)
        for row in rows
        for phase, outcome in zip(phases, row.split()[1:], strict=True)
    ]


@pytest.mark.parametrize(("phase", "name", "outcome"), expectations())
def test_every_command_in_every_phase(phase: Phase, name: str, outcome: str) -> None:
    driver = PHASES[phase]()
    if driver.maybe_state is not None:
        assert driver.phase is phase
    decision = driver.command(COMMANDS[name])
    if outcome == "no":
        unknown = phase is Phase.PENDING
        reason = RejectionReason.EXECUTION_NOT_FOUND if unknown else RejectionReason.PHASE_CONFLICT
        assert rejected(decision) is reason
    elif outcome == "-":
        assert not decision.events
        assert decision.rejection is None
    else:
        assert driver.phase is Phase[outcome.upper()]


def test_the_expectations_are_the_whole_product() -> None:
    kinds = {type(command) for command in COMMANDS.values()}
    assert kinds == set(get_args(Command))
    assert {(phase, type(COMMANDS[name])) for phase, name, _ in expectations()} == {
        (phase, kind) for phase in Phase for kind in kinds
    }


def test_the_table_has_a_move_for_the_whole_product_and_uses_each_move() -> None:
    assert set(TRANSITIONS) == set(Phase)
    assert all(set(row) == set(get_args(Command)) for row in TRANSITIONS.values())
    assert {move for row in TRANSITIONS.values() for move in row.values()} == set(Move)


def test_a_refusal_says_what_varies_in_it() -> None:
    rejection = completed().command(commands.Resume()).rejection
    assert rejection is not None
    assert dict(rejection.metadata) == {"phase": "completed", "command": "resume"}


def test_another_start_under_the_same_id_is_refused() -> None:
    driver = running()
    other = commands.Start(
        execution_id=EXECUTION_ID,
        namespace="shop",
        workflow="orders",
        version="1.2.3",
        input=Payload.of({"a": 1}),
        input_digest=b"other",
        request_id="r1",
    )
    assert rejected(driver.command(other)) is RejectionReason.REQUEST_ID_CONFLICT


def test_retry_is_refused_when_the_execution_has_moved_on() -> None:
    driver = faulted()
    decision = driver.command(commands.Retry(if_sequence=driver.state.sequence - 1))
    assert rejected(decision) is RejectionReason.SEQUENCE_CONFLICT
    assert driver.command(commands.Retry(if_sequence=driver.state.sequence)).events


def test_deciding_twice_from_the_same_state_gives_the_same() -> None:
    first, second = running(), running()
    command = commands.CompleteAction(KEY, 1, ActionState.SUCCEEDED, Payload.of(1))
    now_us = first.now_us
    decisions = [decide(one.plan, one.state, command, now_us=now_us, seed=1) for one in (first, second)]
    assert decisions[0].events == decisions[1].events
    assert decisions[0].effects == decisions[1].effects
    assert snapshot(first.state) == snapshot(second.state)
