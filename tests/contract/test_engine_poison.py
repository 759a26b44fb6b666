"""A command that raises costs itself alone; it is kept, and can be taken up again."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import grpc
import orjson
import pytest

from tests.contract.engine_bench import DOCUMENT, EngineBench, running_engine
from tests.contract.fake_actions import FakeActions
from tests.waiting import eventually
from tidemill.api.engine.v1 import dead_letter_service_pb2 as letters
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.engine.core.tasks.registry import KINDS, Kinds
from tidemill.engine.core.tasks.set import SetNode
from tidemill.engine.core.turn import Turn
from tidemill.engine.core.views import FrameView
from tidemill.engine.store.rows import DefinitionRow, HistoryRow, ShardCommit

SUSPENDED, COMPLETED = 4, 7


class ExplodeNode(SetNode):
    """A kind of task with a bug: it raises while it is on."""

    on = True

    def begin(self, turn: Turn, frame: FrameView) -> None:
        if ExplodeNode.on:
            raise ZeroDivisionError("this task kind has a bug")
        super().begin(turn, frame)


@pytest.fixture(autouse=True)
def exploding() -> Iterator[None]:
    ExplodeNode.on = True
    yield
    ExplodeNode.on = True


async def publish_unchecked(
    bench: EngineBench, name: str, *tasks: object, stop_on: Sequence[object] = ()
) -> None:
    """Store a definition without the checks, which know nothing of a kind that only tests have."""
    header = DOCUMENT | {"name": name, "metadata": {"tidemill": {"stopOn": [*stop_on]}}}
    document = {"document": header, "do": list(tasks)}
    row = DefinitionRow("shop", name, "1.0.0", "00" * 32, orjson.dumps(document), 1, "test", 0)
    await bench.engine._storage.store.publish(row)
    await bench.engine.assembly.catalogue.load()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[EngineBench]:
    kinds: Kinds = {"explode": ExplodeNode, **KINDS}
    async with running_engine(tmp_path, FakeActions(), kinds=kinds) as bench:
        await bench.publish({"step": {"call": "work:1.0.0", "with": {"n": "${ .n }"}}})
        explode = {"boom": {"explode": {}, "set": {"survived": True}}}
        await publish_unchecked(bench, "boom", explode)
        await publish_unchecked(bench, "later", {"step": {"call": "work:1.0.0"}}, explode)
        yield bench


def started(result: pb.SubmitResult) -> pb.StartResponse:
    return pb.StartResponse(execution_id=result.execution_id, position=result.position)


async def submit(bench: EngineBench, workflows: list[str]) -> list[pb.StartResponse]:
    request = pb.SubmitRequest(namespace="shop")
    for workflow in workflows:
        start = request.commands.add().start
        start.workflow = workflow
        start.input.data = b'{"n": 1}'
    return [started(result) for result in (await bench.executions.Submit(request)).results]


async def dead_letters(bench: EngineBench) -> list[tuple[str, str]]:
    response = await bench.dead_letters.List(letters.DeadLetterServiceListRequest(namespace="shop"))
    assert all("this task kind has a bug" in letter.error for letter in response.dead_letters)
    return [(letter.execution_id, letter.kind) for letter in response.dead_letters]


async def test_a_start_that_raises_in_a_full_batch_harms_its_own_execution_alone(bench: EngineBench) -> None:
    async with bench.engine.assembly.ownership.commit_lock:
        all_started = await submit(bench, ["cart"] * 50 + ["boom"] + ["cart"] * 50)
    poisoned = all_started.pop(50)
    for good in all_started:
        assert (await bench.closed(good)).phase == COMPLETED
    assert len({call.key for call in bench.actions.calls}) == len(bench.actions.calls) == 100
    held = await bench.get(poisoned)
    assert (held.phase, held.reason) == (SUSPENDED, "engine_error")
    assert await dead_letters(bench) == [(poisoned.execution_id, "command")]


async def test_a_start_that_raises_is_held_and_still_ends_on_an_event(bench: EngineBench) -> None:
    stops = [{"with": {"type": "left"}, "reason": "the contact has left"}]
    await publish_unchecked(bench, "leaving", {"boom": {"explode": {}, "set": {}}}, stop_on=stops)
    (held,) = await submit(bench, ["leaving"])
    assert (await bench.get(held)).phase == SUSPENDED
    request = pb.SubmitRequest(namespace="shop")
    hear = request.commands.add().hear
    hear.namespace, hear.event_type = "shop", "left"
    hear.event.id, hear.event.source, hear.event.type = "e1", "/shop", "left"
    await bench.executions.Submit(request)
    assert (await bench.closed(held)).reason == "the contact has left"


async def test_a_result_that_raises_suspends_its_execution_before_the_result(bench: EngineBench) -> None:
    results = await submit(bench, ["later"] + ["cart"] * 3)
    for good in results[1:]:
        assert (await bench.closed(good)).phase == COMPLETED
    poisoned = results[0]

    async def suspended() -> bool:
        return (await bench.get(poisoned)).phase == SUSPENDED

    await eventually(suspended)
    kinds = [event.event.WhichOneof("kind") for event in await bench.history(poisoned.execution_id)]
    assert kinds == ["execution_started", "task_started", "execution_suspended"]
    assert await dead_letters(bench) == [(poisoned.execution_id, "result")]


@pytest.mark.parametrize("workflow", ["boom", "later"])
async def test_a_dead_letter_is_taken_up_again_once_the_bug_is_gone(
    bench: EngineBench, workflow: str
) -> None:
    (poisoned,) = await submit(bench, [workflow])

    async def kept() -> bool:
        return bool(await dead_letters(bench))

    await eventually(kept)
    listed = await bench.dead_letters.List(letters.DeadLetterServiceListRequest(namespace="-"))
    ids = [letter.id for letter in listed.dead_letters]

    again = await bench.dead_letters.Redrive(letters.RedriveRequest(namespace="shop", ids=ids))
    assert list(again.ids) == ids
    assert len(await dead_letters(bench)) == 1, "the bug is still there: it is kept once more"

    ExplodeNode.on = False
    listed = await bench.dead_letters.List(letters.DeadLetterServiceListRequest(namespace="-"))
    ids = [letter.id for letter in listed.dead_letters]
    await bench.dead_letters.Redrive(letters.RedriveRequest(namespace="shop", ids=ids))
    closed = await bench.closed(poisoned)
    assert closed.phase == COMPLETED
    assert orjson.loads(closed.output.data) == {"survived": True}
    assert await dead_letters(bench) == []


async def test_an_unknown_dead_letter_is_not_taken_up(bench: EngineBench) -> None:
    response = await bench.dead_letters.Redrive(letters.RedriveRequest(namespace="-", ids=[99]))
    assert list(response.ids) == []
    with pytest.raises(grpc.aio.AioRpcError):
        await bench.dead_letters.List(
            letters.DeadLetterServiceListRequest(namespace="-", page_token="nonsense")
        )


@contextmanager
def damaged(execution_id: str, sequence: int) -> Iterator[ShardCommit]:
    """A commit that adds an event which cannot follow to an execution's history."""
    yield ShardCommit(
        int(execution_id[:8], 16) % 8, 1, 10, 10, 99,
        histories=[HistoryRow(execution_id, sequence, sequence, 99, b"\xff no history")],
    )  # fmt: skip


async def test_a_history_that_does_not_fold_is_put_under_quarantine(tmp_path: Path) -> None:
    async with running_engine(tmp_path) as bench:
        await bench.publish({"pause": {"wait": {"hours": 1}}})
        broken, fine = await bench.start(), await bench.start()
        sequence = (await bench.get(broken)).sequence + 1
        await bench.get(fine)
        store = bench.engine._storage.store
        shard = bench.engine.assembly.ownership.owned[broken.position.shard]
        with damaged(broken.execution_id, sequence) as commit:
            commit.shard, commit.epoch, commit.log_offset = shard.shard, shard.epoch, shard.log_offset
            assert await store.commit([commit])
    async with running_engine(tmp_path) as bench:
        key = {"namespace": "shop", "reason": "test"}
        await bench.executions.Suspend(pb.SuspendRequest(execution_id=fine.execution_id, **key))
        await bench.executions.Suspend(pb.SuspendRequest(execution_id=broken.execution_id, **key))
        execution = await bench.get(pb.StartResponse(execution_id=broken.execution_id))
        assert (execution.phase, execution.reason) == (SUSPENDED, "engine_error")
        listed = await bench.dead_letters.List(letters.DeadLetterServiceListRequest(namespace="-"))
        assert {letter.kind for letter in listed.dead_letters} == {"history", "command"}
