"""The blob store's port, the words around it, and what goes wrong with a blob."""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.errors import TidemillError
from tidemill.values import value

PART = "blob store"


class BlobName(NamedTuple):
    """Where a blob stands: under an execution, by the SHA-256 of its bytes in hexadecimal digits."""

    execution_id: str
    digest: str


@value
class Blob:
    """The bytes that stand, or are to stand, under a name."""

    name: BlobName
    data: bytes


class BlobError(TidemillError):
    """A blob cannot be had: whoever needs it goes no further, and loses nothing of what refers to it."""

    def __init__(self, name: BlobName, detail: str) -> None:
        super().__init__(
            reasons.ERROR_REASON_BLOB_UNREADABLE,
            f"the blob {name.digest} of execution {name.execution_id} {detail}",
            {"execution_id": name.execution_id, "digest": name.digest, "detail": detail},
        )


class BlobMissingError(BlobError):
    """There is no blob under the name: it is lost, or this service looks in another place."""

    def __init__(self, name: BlobName) -> None:
        super().__init__(name, "is missing: do all services name one blob store?")


class BlobDamagedError(BlobError):
    """What stands under the name has another digest."""

    def __init__(self, name: BlobName) -> None:
        super().__init__(name, "is damaged: its bytes do not have this digest")


class BlobStore(Protocol):
    """Immutable blobs, named by content within their execution, so that whatever belongs to an execution is
    removed together, without counting who refers to it.

    Every implementation passes `tests/contract/blob_suite.py`. All methods raise StorageUnavailableError when
    the disk or the server refuses.
    """

    async def put(self, blobs: Collection[Blob]) -> None:
        """Have all these blobs, durable when it returns. One that stands already counts as written now."""
        ...

    async def get(self, names: Collection[BlobName]) -> Mapping[BlobName, bytes | BlobError]:
        """What stands under each name: its bytes, whose digest is right, or why there are none."""
        ...

    async def remove(self, execution_id: str, *, written_before_us: int) -> int:
        """Remove the blobs of an execution that were last written before the time (microseconds UTC, by the
        store's clock); returns how many are left. An execution that has none is no error."""
        ...

    async def page(self, after: str, limit: int) -> list[str]:
        """Up to `limit` executions that have blobs, by id, after the given one."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
