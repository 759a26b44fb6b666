"""What every blob store must do."""

import asyncio
from abc import ABC, abstractmethod
from hashlib import sha256

from tidemill.blobs.port import Blob, BlobDamagedError, BlobMissingError, BlobName, BlobStore

BEFORE_EVERYTHING_US = 0
AFTER_EVERYTHING_US = 2**60


def execution(number: int) -> str:
    """An execution's id; those of higher numbers come later."""
    return f"{number:08x}-00000000-0000-7000-8000-{number:012x}"


def blob(number: int, data: bytes) -> Blob:
    """A blob of an execution."""
    return Blob(BlobName(execution(number), sha256(data).hexdigest()), data)


class BlobSuite(ABC):
    """Subclasses bring the fixture `blobs`, a store that is empty."""

    @abstractmethod
    def damage(self, blobs: BlobStore, name: BlobName) -> None:
        """Change what stands under a name, behind the store's back."""

    async def test_what_is_put_stands_under_its_name(self, blobs: BlobStore) -> None:
        large, small = blob(1, bytes(range(256)) * 10_000), blob(1, b"{}")
        await blobs.put([large, small])
        found = await blobs.get([large.name, small.name])
        assert found == {large.name: large.data, small.name: small.data}

    async def test_one_that_is_missing_keeps_no_other_back(self, blobs: BlobStore) -> None:
        here = blob(1, b"here")
        await blobs.put([here])
        elsewhere = BlobName(execution(2), here.name.digest)
        found = await blobs.get([here.name, elsewhere])
        assert found[here.name] == b"here"
        error = found[elsewhere]
        assert isinstance(error, BlobMissingError)
        assert error.metadata["execution_id"] == execution(2)
        assert here.name.digest in error.message

    async def test_one_that_is_damaged_is_told_and_put_anew_it_is_whole(self, blobs: BlobStore) -> None:
        whole = blob(1, b"whole" * 100)
        await blobs.put([whole])
        self.damage(blobs, whole.name)
        assert isinstance((await blobs.get([whole.name]))[whole.name], BlobDamagedError)
        await blobs.put([whole])
        assert (await blobs.get([whole.name]))[whole.name] == whole.data

    async def test_the_same_is_put_again_by_several_at_once(self, blobs: BlobStore) -> None:
        same = blob(1, b"same" * 50_000)
        await asyncio.gather(*(blobs.put([same, blob(1, b"%d" % number)]) for number in range(8)))
        assert (await blobs.get([same.name]))[same.name] == same.data

    async def test_an_execution_is_removed_whole_and_alone(self, blobs: BlobStore) -> None:
        gone, kept = [blob(1, b"a"), blob(1, b"b")], blob(2, b"a")
        await blobs.put([*gone, kept])
        assert await blobs.remove(execution(1), written_before_us=AFTER_EVERYTHING_US) == 0
        found = await blobs.get([gone[0].name, gone[1].name, kept.name])
        assert [isinstance(each, BlobMissingError) for each in found.values()] == [True, True, False]
        assert await blobs.page("", 10) == [execution(2)]
        assert await blobs.remove(execution(1), written_before_us=AFTER_EVERYTHING_US) == 0

    async def test_what_was_written_lately_is_left_also_where_it_stood_before(self, blobs: BlobStore) -> None:
        young = blob(1, b"young")
        await blobs.put([young])
        assert await blobs.remove(execution(1), written_before_us=BEFORE_EVERYTHING_US) == 1
        await blobs.put([young])
        assert await blobs.remove(execution(1), written_before_us=BEFORE_EVERYTHING_US) == 1
        assert (await blobs.get([young.name]))[young.name] == b"young"

    async def test_executions_come_in_pages_by_id(self, blobs: BlobStore) -> None:
        # Some share the digits that their folders are named by, the others do not.
        ids = [execution(number) for number in (1, 2, 3, 0x10000000, 0x7FFFFFFF)]
        await blobs.put([blob(int(each[:8], 16), b"x") for each in reversed(ids)])
        found: list[str] = []
        while page := await blobs.page(found[-1] if found else "", 2):
            found += page
            assert len(page) <= 2
        assert found == ids

    async def test_an_empty_store_has_nothing(self, blobs: BlobStore) -> None:
        await blobs.put([])
        assert await blobs.get([]) == {}
        assert await blobs.page("", 10) == []
