"""Items with claims: fetched in parts that memory holds, in their order; others cost no look at the store."""

from collections.abc import Collection, Mapping

from tests.claim_checks import in_memory
from tidemill.api.actions.v1.action_service_pb2 import ActionResult
from tidemill.api.events.v1.command_pb2 import Command
from tidemill.blobs.memory import MemoryBlobs
from tidemill.blobs.port import BlobError, BlobName
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.items import ActionAnswer, DueTimer, Item, LoggedCommand, Message, Poisoned
from tidemill.engine.runtime.redeeming import Redeeming
from tidemill.engine.settings import Settings

TEXT = b'"' + b"x" * 998 + b'"'


def execution_id(number: int) -> str:
    return f"00000001-00000000-0000-7000-8000-{number:012x}"


class CountingBlobs(MemoryBlobs):
    """Counts how many blobs are asked for at once."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    async def get(self, names: Collection[BlobName]) -> Mapping[BlobName, bytes | BlobError]:
        self.asked.append(len(names))
        return await super().get(names)


class Bench:
    """Redeeming with room for two texts in a part."""

    def __init__(self) -> None:
        self.blobs = CountingBlobs()
        environment = Environment(settings=Settings(batch_large_bytes_max=2_000), blobs=self.blobs)
        self.redeeming = Redeeming(environment)
        self._check = in_memory(100)
        self._check.store = self.blobs

    async def start(self, number: int, *, lost: bool = False) -> LoggedCommand:
        """A start whose input stands in the store."""
        record = Command(execution_id=execution_id(number))
        record.start.input.data = TEXT
        await self._check.leave(record, "elsewhere" if lost else record.execution_id)
        return LoggedCommand(0, record.execution_id, number, record)

    async def parts(self, *items: Item) -> list[list[Item]]:
        return [list(part) async for part in self.redeeming.parts(items)]


async def test_items_without_large_texts_go_as_they_are() -> None:
    bench = Bench()
    small = Command(execution_id=execution_id(1))
    small.start.input.data = b"{}"
    items: list[Item] = [
        LoggedCommand(0, execution_id(1), 1, small),
        DueTimer(0, execution_id(2), "t"),
        ActionAnswer(0, execution_id(3), ActionResult(key="k")),
    ]
    assert await bench.parts(*items) == [items]
    assert bench.blobs.asked == []


async def test_large_texts_come_in_parts_and_items_keep_their_order() -> None:
    bench = Bench()
    starts = [await bench.start(number) for number in range(5)]
    timer = DueTimer(0, execution_id(9), "t")
    parts = await bench.parts(starts[0], timer, *starts[1:])
    assert [len(part) for part in parts] == [3, 2, 1]
    assert bench.blobs.asked == [2, 2, 1]
    assert [item for part in parts for item in part] == [starts[0], timer, *starts[1:]]
    assert all(start.record.start.input.data == TEXT for start in starts)


async def test_whatever_brings_texts_gets_them() -> None:
    bench = Bench()
    result, ended = ActionResult(key="k"), Command(execution_id=execution_id(2))
    result.output.data = TEXT
    ended.end_child.output.data = TEXT
    await bench._check.leave(result, execution_id(1))
    await bench._check.leave(ended, execution_id(2))
    assert result.output.data != TEXT
    await bench.parts(ActionAnswer(0, execution_id(1), result), Message(0, execution_id(2), 1, ended))
    assert result.output.data == ended.end_child.output.data == TEXT


async def test_one_that_is_lost_is_poisoned_alone() -> None:
    bench = Bench()
    whole, lost = await bench.start(1), await bench.start(2, lost=True)
    ((first, second),) = await bench.parts(whole, lost)
    assert first is whole
    assert isinstance(second, Poisoned)
    assert second.item is lost
    assert "is missing" in second.error
