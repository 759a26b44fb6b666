"""The engine when its disk refuses: nothing acknowledged is lost, it says so, stays up, and goes on."""

from pathlib import Path

import grpc
import pytest

from tests.contract.engine_bench import EngineBench, reason_of, running_engine
from tests.waiting import eventually
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.engine.store.rows import ShardCommit
from tidemill.json import Json
from tidemill.storage import StorageRefusedError, StorageUnavailableError

COMPLETED = 7
CALL: dict[str, Json] = {"step": {"call": "work:1.0.0", "with": {"n": "${ .n }"}}}


class FailingStore:
    """The engine's store, whose next commits fail as told."""

    def __init__(self, bench: EngineBench) -> None:
        self.store = bench.engine._storage.store
        self.failures: list[Exception] = []
        self.refused_keys: set[str] = set()
        self.commits = 0
        self._commit = self.store.commit
        self._take = self.store.take
        self.store.commit = self.commit  # type: ignore[method-assign, assignment]

    async def commit(self, commits: list[ShardCommit]) -> set[int]:
        self.commits += 1
        if self.failures:
            raise self.failures.pop(0)
        for commit in commits:
            if any(row.execution_id in self.refused_keys for row in commit.histories):
                raise StorageRefusedError("store", "a value that the store cannot hold")
        return await self._commit(commits)


async def test_what_was_accepted_is_applied_after_the_store_works_again(tmp_path: Path) -> None:
    async with running_engine(tmp_path) as bench:
        await bench.publish(CALL)
        store = FailingStore(bench)
        store.failures = [StorageUnavailableError("store", "database or disk is full")] * 3
        started = await bench.start({"n": 1})
        assert (await bench.closed(started)).phase == COMPLETED
        assert store.failures == []
        assert len({(call.key, call.attempt) for call in bench.actions.calls}) == 1


async def test_an_outcome_that_could_not_be_stored_comes_again(tmp_path: Path) -> None:
    async with running_engine(tmp_path) as bench:
        await bench.publish(CALL, {"again": CALL["step"]})
        store = FailingStore(bench)

        def fail_next(call: object) -> None:
            store.failures = [StorageUnavailableError("store", "disk full")]

        started = await bench.start({"n": 1})
        await bench.actions.until_called(1)
        fail_next(None)
        assert (await bench.closed(started)).phase == COMPLETED
        events = await bench.history(started.execution_id)
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))


async def test_while_the_store_refuses_so_does_ingress(tmp_path: Path) -> None:
    async with running_engine(tmp_path) as bench:
        await bench.publish(CALL)
        store = FailingStore(bench)
        store.failures = [StorageUnavailableError("store", "database or disk is full")] * 5
        first = await bench.start({"n": 1})
        await eventually(lambda: not bench.engine.assembly.memory.progress.applying)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await bench.start({"n": 2})
        assert reason_of(raised.value) == "STORAGE_UNAVAILABLE"
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
        assert (await bench.closed(first)).phase == COMPLETED


async def test_a_batch_that_the_store_refuses_is_halved_until_the_offender_is_alone(tmp_path: Path) -> None:
    async with running_engine(tmp_path) as bench:
        await bench.publish({"greet": {"set": {"a": 1}}})
        store = FailingStore(bench)
        async with bench.engine.assembly.ownership.commit_lock:
            request = pb.SubmitRequest(namespace="shop")
            for _ in range(40):
                request.commands.add().start.workflow = "cart"
            results = (await bench.executions.Submit(request)).results
            offender = results[23].execution_id
            store.refused_keys = {offender}
        for result in results:
            if result.execution_id != offender:
                started = pb.StartResponse(execution_id=result.execution_id, position=result.position)
                assert (await bench.closed(started)).phase == COMPLETED
        letters = await bench.engine._storage.store.dead_letters("", 0, 10)
        assert [letter.execution_id for letter in letters] == [offender]
        assert "cannot hold" in letters[0].error
