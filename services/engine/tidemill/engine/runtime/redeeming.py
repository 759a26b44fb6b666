"""Items whose large texts stand in the blob store: fetched for the part of a batch that applies them."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TypeAlias

from google.protobuf.message import Message as ProtoMessage

from tidemill.blobs.claims import Contents, claimed_names, put_back, read_claim
from tidemill.blobs.port import BlobError, BlobName
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.items import (
    ActionAnswer,
    DueTimer,
    Item,
    Keepable,
    LoggedCommand,
    Message,
    Poisoned,
)

# What brings texts along.
_Claimed: TypeAlias = ActionAnswer | LoggedCommand | Message


class Redeeming:
    """Until then items hold claims alone: however many wait, what they bring does not fill the memory."""

    def __init__(self, environment: Environment) -> None:
        self._check = environment.check
        self._part_bytes_max = environment.settings.batch_large_bytes_max

    async def parts(self, items: Sequence[Item]) -> AsyncIterator[Sequence[Item]]:
        """The items in order, whole: all at once, or in parts where the large texts of all are too much.

        One whose text cannot be had is poisoned. Raises StorageUnavailableError.
        """
        sizes = [_claimed_bytes(item) for item in items]
        if not any(sizes):
            yield items
            return
        for part in self._split(items, sizes):
            yield await self._whole(part)

    async def redeem(self, item: Keepable) -> Keepable | Poisoned:
        """The item whole, or poisoned. Raises StorageUnavailableError."""
        if isinstance(item, DueTimer) or not _claimed_bytes(item):
            return item
        return _put_back(item, await self._check.fetch(_names(item)))

    def _split(self, items: Sequence[Item], sizes: Sequence[int]) -> Iterator[list[Item]]:
        part: list[Item] = []
        part_bytes = 0
        for item, size_bytes in zip(items, sizes, strict=True):
            if part and part_bytes + size_bytes > self._part_bytes_max:
                yield part
                part, part_bytes = [], 0
            part.append(item)
            part_bytes += size_bytes
        yield part

    async def _whole(self, items: Sequence[Item]) -> list[Item]:
        claimed = [item for item in items if isinstance(item, _Claimed) and _claimed_bytes(item)]
        contents = await self._check.fetch({name for item in claimed for name in _names(item)})
        whole = {id(item): _put_back(item, contents) for item in claimed}
        return [whole.get(id(item), item) for item in items]


def _claimed_bytes(item: Item) -> int:
    """How large the text is that a claim of the item stands for; 0 where it holds none."""
    claim = None
    match item:
        case ActionAnswer():
            claim = read_claim(item.result.output.data)
        case LoggedCommand() | Message():
            kind = item.record.WhichOneof("kind")
            if kind == "start":
                claim = read_claim(item.record.start.input.data)
            elif kind == "end_child":
                claim = read_claim(item.record.end_child.output.data)
        case _:
            pass
    return 0 if claim is None else claim.size


def _names(item: _Claimed) -> set[BlobName]:
    return claimed_names(item.execution_id, [_message_of(item)])


def _put_back(item: _Claimed, contents: Contents) -> _Claimed | Poisoned:
    try:
        put_back(_message_of(item), item.execution_id, contents)
    except BlobError as error:
        return Poisoned(item.shard, item.execution_id, item, error.message)
    return item


def _message_of(item: _Claimed) -> ProtoMessage:
    return item.result if isinstance(item, ActionAnswer) else item.record
