"""SIGKILL at each pair of (phase, kind of outstanding effect): what was owed is done after the restart.

All situations are set up in one Engine process, which is then killed and started again.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest
import pytest_asyncio

from tests.contract.engine_bench import DOCUMENT, EngineClients
from tests.contract.fake_actions import FakeActions, failed, serve, succeeded
from tests.e2e.engine_process import EngineProcess
from tests.waiting import eventually
from tidemill.api.actions.v1 import action_service_pb2 as actions_api
from tidemill.api.engine.v1 import definition_service_pb2 as definitions
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.json import Json

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

RUNNING, WAITING, SUSPENDED, CANCELLED, FAULTED, COMPLETED = 2, 3, 4, 5, 6, 7
Tasks = list[dict[str, Json]]

CALL: Tasks = [{"step": {"call": "held:1.0.0", "with": {}}}]
EMIT: Tasks = [{"tell": {"emit": {"event": {"with": {"source": "/s", "type": "t"}}}}}]
WAIT: Tasks = [{"pause": {"wait": {"seconds": 4}}}]
LIMITED: Tasks = [{"step": {"call": "held:1.0.0", "with": {}, "timeout": {"after": {"seconds": 4}}}}]
RETRY: Tasks = [
    {
        "attempt": {
            "try": [{"flaky": {"call": "fails-once:1.0.0", "with": {}}}],
            "catch": {"retry": {"delay": {"seconds": 4}, "limit": {"attempt": {"count": 2}}}},
        }
    }
]


def race(*after: dict[str, Json], fault: bool = False) -> Tasks:
    """A held call in a branch that is cancelled, because the other branch wins or faults."""
    other: dict[str, Json] = {"set": {"won": True}}
    if fault:
        other = {"raise": {"error": {"type": "https://example.com/no", "status": 500, "title": "No"}}}
    # The other branch comes second in the race, so that the call has left before.
    branches: list[Json] = [
        {"loser": {"call": "held:1.0.0", "with": {}}},
        {"winner": {"do": [{"first": {"call": "quick:1.0.0", "with": {}}}, {"second": other}]}},
    ]
    return [{"race": {"fork": {"compete": not fault, "branches": branches}}}, *after]


@dataclass(slots=True)
class Situation:
    """One row of the table: how to get there, and how it ends after the restart."""

    phase: int
    outstanding: str
    tasks: Tasks
    end: int
    steer: str = ""
    # What must have been asked of the Action service before the kill, and again after it.
    calls: int = 1
    cancellations: int = 0
    answer: bool = True
    resume: bool = False
    execution_id: str = ""
    keys: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{PHASES[self.phase]}-{self.outstanding.replace(' ', '-')}"


PHASES = {2: "running", 3: "waiting", 4: "suspended", 5: "cancelled", 6: "faulted", 7: "completed"}
HELD_CALL: Tasks = CALL
SITUATIONS = [
    Situation(RUNNING, "call", CALL, COMPLETED),
    Situation(RUNNING, "emit", EMIT, COMPLETED),
    Situation(RUNNING, "call with timeout", LIMITED, FAULTED, answer=False),
    Situation(RUNNING, "cancellation", race(*CALL), COMPLETED, calls=3, cancellations=1),
    Situation(WAITING, "wait", WAIT, COMPLETED, calls=0),
    Situation(WAITING, "retry delay", RETRY, COMPLETED, calls=1),
    Situation(WAITING, "cancellation", race(*WAIT), COMPLETED, calls=2, cancellations=1),
    Situation(SUSPENDED, "call", CALL, COMPLETED, steer="suspend", resume=True),
    Situation(SUSPENDED, "emit", EMIT, COMPLETED, steer="suspend", resume=True),
    Situation(SUSPENDED, "wait", WAIT, COMPLETED, steer="suspend", calls=0, resume=True),
    Situation(
        SUSPENDED,
        "cancellation",
        race(*WAIT),
        COMPLETED,
        steer="suspend",
        calls=2,
        cancellations=1,
        resume=True,
    ),
    Situation(CANCELLED, "cancellation", CALL, CANCELLED, steer="cancel", cancellations=1),
    Situation(FAULTED, "cancellation", race(fault=True), FAULTED, calls=2, cancellations=1),
    Situation(COMPLETED, "cancellation", race(), COMPLETED, calls=2, cancellations=1),
]


class Outside:
    """What the fake Action service does: holds answers back before the kill, gives them after it."""

    def __init__(self) -> None:
        self.actions = FakeActions()
        self.actions.answer_cancellations = False
        self.holding = True
        self.no_answer: set[str] = set()
        for action in ("held:1.0.0", "events.publish"):
            self.actions.behaviours[action] = self._held
        self.actions.behaviours["fails-once:1.0.0"] = self._fails_once

    def _held(self, call: actions_api.ActionCall) -> actions_api.ActionResult | None:
        if self.holding or call.execution_id in self.no_answer:
            return None
        return succeeded(call, {"done": True})

    def _fails_once(self, call: actions_api.ActionCall) -> actions_api.ActionResult | None:
        return failed(call, 503) if call.attempt == 1 else succeeded(call, {"done": True})

    def keys(self, execution_id: str) -> list[str]:
        return [call.key for call in self.actions.calls if call.execution_id == execution_id]

    def cancelled(self, execution_id: str) -> list[str]:
        return [key for key in self.actions.cancelled if key.startswith(execution_id)]

    def forget(self) -> None:
        self.actions.calls.clear()
        self.actions.cancelled.clear()


class Matrix:
    """The Engine after its restart, and what the outside saw before and after."""

    def __init__(self, clients: EngineClients, outside: Outside) -> None:
        self.clients = clients
        self.outside = outside
        self.keys_before: dict[str, list[str]] = {}
        self.cancelled_before: dict[str, list[str]] = {}


async def set_up(clients: EngineClients, outside: Outside, situation: Situation) -> None:
    """Bring one execution into its situation."""
    name = situation.name
    document = {"document": DOCUMENT | {"name": name}, "do": situation.tasks}
    await clients.definitions.Publish(definitions.PublishRequest(document=orjson.dumps(document)))
    started = await clients.executions.Start(pb.StartRequest(namespace="shop", workflow=name))
    situation.execution_id = started.execution_id
    if not situation.answer:
        outside.no_answer.add(started.execution_id)
    key = {"namespace": "shop", "execution_id": started.execution_id}
    await eventually(lambda: len(outside.keys(started.execution_id)) >= situation.calls)
    if situation.steer == "cancel":
        await clients.executions.Cancel(pb.CancelRequest(**key))
    await eventually(lambda: len(outside.cancelled(started.execution_id)) >= situation.cancellations)
    if situation.steer == "suspend":
        await clients.executions.Suspend(pb.SuspendRequest(**key))

    async def in_phase() -> bool:
        return (await clients.get(started)).phase == situation.phase

    await eventually(in_phase)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def matrix(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Matrix]:
    outside = Outside()
    server = await serve(outside.actions)
    process = EngineProcess(Path(tmp_path_factory.mktemp("engine")), server.address)
    await process.start()
    clients = EngineClients(process.address)
    matrix = Matrix(clients, outside)
    await asyncio.gather(*(set_up(clients, outside, situation) for situation in SITUATIONS))
    for situation in SITUATIONS:
        matrix.keys_before[situation.name] = outside.keys(situation.execution_id)
        matrix.cancelled_before[situation.name] = outside.cancelled(situation.execution_id)
    await process.kill()
    outside.forget()
    outside.holding = False
    outside.actions.answer_cancellations = True
    await process.start()
    yield matrix
    await clients.close()
    await process.stop()
    await server.stop(0)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
async def test_what_was_outstanding_at_the_kill_is_done_after_it(
    matrix: Matrix, situation: Situation
) -> None:
    clients, outside = matrix.clients, matrix.outside
    started = pb.StartResponse(execution_id=situation.execution_id)
    if situation.resume:
        assert (await clients.get(started)).phase == SUSPENDED
        await clients.executions.Resume(
            pb.ResumeRequest(namespace="shop", execution_id=situation.execution_id)
        )
    closed = await clients.closed(started)
    assert closed.phase == situation.end
    if situation.cancellations:
        # Owed in whatever phase: asked again, and confirmed now.
        again = matrix.cancelled_before[situation.name]
        await eventually(lambda: set(again) <= set(outside.cancelled(situation.execution_id)))
    if situation.outstanding == "call with timeout":
        assert closed.error.status == 408
    # Whatever was sent again went under the key and attempt that it had.
    before = matrix.keys_before[situation.name]
    resent = [key for key in outside.keys(situation.execution_id) if key in before]
    assert len(resent) == len(set(resent)) or situation.outstanding == "retry delay"
    if situation.outstanding in ("call", "emit"):
        assert resent == before[-1:]


async def test_histories_have_no_gap_and_each_effect_one_outcome(matrix: Matrix) -> None:
    for situation in SITUATIONS:
        await matrix.clients.closed(pb.StartResponse(execution_id=situation.execution_id))
        events = await matrix.clients.history(situation.execution_id)
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))
        outcomes = [
            (event.event.action_completed.key, event.event.action_completed.attempt)
            for event in events
            if event.event.HasField("action_completed")
        ]
        assert len(outcomes) == len(set(outcomes)), situation.name


async def test_an_accepted_start_survives_a_kill_at_once(tmp_path: Path) -> None:
    """Pending: the command is in the log, and perhaps nowhere else."""
    actions = FakeActions()
    server = await serve(actions)
    process = EngineProcess(tmp_path, server.address)
    await process.start()
    clients = EngineClients(process.address)
    document = {"document": DOCUMENT, "do": [{"step": {"call": "quick:1.0.0", "with": {}}}]}
    await clients.definitions.Publish(definitions.PublishRequest(document=orjson.dumps(document)))
    request = pb.SubmitRequest(namespace="shop")
    for _ in range(200):
        request.commands.add().start.workflow = "cart"
    accepted = (await clients.executions.Submit(request)).results
    await process.kill()
    await process.start()
    for result in accepted:
        started = pb.StartResponse(execution_id=result.execution_id, position=result.position)
        closed = await clients.closed(started)
        assert closed.phase == COMPLETED
    assert len({call.key for call in actions.calls}) == 200
    await clients.close()
    assert await process.stop() == 0
    await server.stop(0)
