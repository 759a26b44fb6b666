"""Reads of clients: a watch shows the execution after each response's events; lists say what each is."""

from dataclasses import replace

from tests.claim_checks import in_memory
from tests.contract.store_suite import commit, execution, execution_id
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.events.v1.command_pb2 import ExecutionKind
from tidemill.engine.api import messages
from tidemill.engine.api.reads import Reads
from tidemill.engine.core.events import ExecutionResumed
from tidemill.engine.records import Cause, encode_batch
from tidemill.engine.runtime.progress import Progress, Watchers
from tidemill.engine.settings import Settings
from tidemill.engine.store.memory.store import MemoryStore
from tidemill.engine.store.rows import TRIGGER_KIND, ExecutionRow, HistoryRow

RUNNING, COMPLETED = 2, 7


class RacingStore(MemoryStore):
    """A store in which the last event and the end are committed right after the first look at the row."""

    looks = 0

    async def get(self, execution_ids: object) -> dict[str, ExecutionRow]:
        self.looks += 1
        row = (await super().get([execution_id(1)]))[execution_id(1)]
        earlier = replace(row, sequence=1, phase=RUNNING)
        return {row.execution_id: earlier if self.looks == 1 else row}


async def test_the_last_response_shows_the_end_even_when_it_comes_between_two_reads() -> None:
    store = RacingStore(4)
    await store.take([0], "a")
    data = encode_batch([ExecutionResumed()], [Cause(1, None)], 5)
    rows = [HistoryRow(execution_id(1), number, number, number, data) for number in (1, 2)]
    await store.commit([commit(executions=[execution(1, phase=COMPLETED)], histories=rows)])
    reads = Reads(store, Progress(), Watchers(), Settings(), check=in_memory())
    request = pb.WatchRequest(namespace="-", execution_id=execution_id(1))
    responses = [response async for response in reads.watch(request)]
    seen = [([event.sequence for event in r.events], r.execution.phase) for r in responses]
    assert seen == [([1], RUNNING), ([2], COMPLETED)]


async def test_lists_show_children_with_their_parent_and_schedules_when_asked() -> None:
    store = MemoryStore(4)
    await store.take([0], "a")
    rows = [execution(1, kind=TRIGGER_KIND), execution(2, parent_execution_id=execution_id(9))]
    await store.commit([commit(executions=rows)])
    reads = Reads(store, Progress(), Watchers(), Settings(), check=in_memory())
    shown, _ = await reads.executions(pb.ExecutionServiceListRequest(namespace="-"))
    every, _ = await reads.executions(pb.ExecutionServiceListRequest(namespace="-", with_triggers=True))
    assert [messages.execution(row).parent_execution_id for row in shown] == [execution_id(9)]
    assert [messages.execution(row).kind for row in every] == [
        ExecutionKind.EXECUTION_KIND_UNSPECIFIED,
        ExecutionKind.EXECUTION_KIND_TRIGGER,
    ]
