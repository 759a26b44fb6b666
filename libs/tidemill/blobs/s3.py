"""Blobs in an S3-compatible service: `<prefix>/<two digits>/<execution id>/<digest>` in a bucket.

Where it is and who we are stands in the variables that AWS's own tools read: `AWS_ENDPOINT_URL`,
`AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final, TypeVar

from tidemill.blobs.port import PART, Blob, BlobDamagedError, BlobError, BlobMissingError, BlobName
from tidemill.errors import InvalidRequestError
from tidemill.lanes import is_execution_id
from tidemill.loops import FatalError
from tidemill.storage import StorageUnavailableError

try:
    import obstore
    from obstore.exceptions import BaseError
    from obstore.store import S3Store
except ModuleNotFoundError as error:
    raise FatalError(
        f"blobs in S3 need the package obstore, which is not installed: pip install tidemill[s3] ({error})"
    ) from None

if TYPE_CHECKING:
    from obstore import ObjectMeta

T = TypeVar("T")
_FANOUT_DIGITS: Final = 2
# Execution ids begin with 31 bits.
_FANOUTS: Final = tuple(f"{number:02x}" for number in range(0x80))
REQUESTS_AT_ONCE_MAX: Final = 16
_CONNECT_TIMEOUT: Final = "5s"
_TIMEOUT: Final = "60s"
# Then the caller's own loop goes on trying.
_RETRIES_MAX: Final = 3
_RETRY_TIMEOUT: Final = timedelta(seconds=10)
_ENDPOINT_VARIABLES: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_URL_FIELD: Final = "blobs"


class S3Blobs:
    """A bucket, or what stands under a prefix in it. S3 answers a write once it is durable."""

    def __init__(self, store: S3Store) -> None:
        self._store = store
        self._room = asyncio.Semaphore(REQUESTS_AT_ONCE_MAX)

    @classmethod
    def open(cls, url: str) -> "S3Blobs":
        """The store at `s3://bucket/prefix`; raises InvalidRequestError for what is none."""
        try:
            store = S3Store.from_url(
                url,
                # Services that speak S3 agree on single deletes, not on those of many.
                config={"disable_bulk_delete": True},
                client_options={
                    "connect_timeout": _CONNECT_TIMEOUT,
                    "timeout": _TIMEOUT,
                    "allow_http": _is_plain(),
                },
                retry_config={"max_retries": _RETRIES_MAX, "retry_timeout": _RETRY_TIMEOUT},
            )
        except (BaseError, ValueError) as error:
            raise InvalidRequestError(_URL_FIELD, f"{url} is no place for blobs: {error}") from None
        return cls(store)

    async def put(self, blobs: Collection[Blob]) -> None:
        async with _refusals():
            # Always written, also where it stands: so it counts as written now, by the service's own clock.
            await self._all([obstore.put_async(self._store, _key(blob.name), blob.data) for blob in blobs])

    async def get(self, names: Collection[BlobName]) -> Mapping[BlobName, bytes | BlobError]:
        async with _refusals():
            found = await self._all([self._get(name) for name in names])
        return dict(zip(names, found, strict=True))

    async def _get(self, name: BlobName) -> bytes | BlobError:
        try:
            answer = await obstore.get_async(self._store, _key(name))
            data = bytes(await answer.bytes_async())
        except FileNotFoundError:
            return BlobMissingError(name)
        return data if sha256(data).hexdigest() == name.digest else BlobDamagedError(name)

    async def remove(self, execution_id: str, *, written_before_us: int) -> int:
        async with _refusals():
            held = await self._list(f"{execution_id[:_FANOUT_DIGITS]}/{execution_id}/")
            gone = [each["path"] for each in held if _written_us(each) < written_before_us]
            if gone:
                await obstore.delete_async(self._store, gone)
        return len(held) - len(gone)

    async def _list(self, prefix: str) -> "list[ObjectMeta]":
        held: list[ObjectMeta] = []
        async for part in obstore.list(self._store, prefix):
            held += part
        return held

    async def page(self, after: str, limit: int) -> list[str]:
        found: list[str] = []
        async with _refusals():
            for part in _FANOUTS:
                if part < after[:_FANOUT_DIGITS]:
                    continue
                listed = await obstore.list_with_delimiter_async(self._store, part)
                ids = sorted(prefix.rstrip("/").rpartition("/")[2] for prefix in listed["common_prefixes"])
                found += [each for each in ids if each > after and is_execution_id(each)]
                if len(found) >= limit:
                    break
        return found[:limit]

    async def close(self) -> None:
        return None

    async def _all(self, works: Collection[Awaitable[T]]) -> list[T]:
        async def bounded(work: Awaitable[T]) -> T:
            async with self._room:
                return await work

        return await asyncio.gather(*map(bounded, works))


def _is_plain() -> bool:
    """Whether the endpoint is one without TLS, which only its own address can say."""
    return any(os.environ.get(variable, "").startswith("http://") for variable in _ENDPOINT_VARIABLES)


@asynccontextmanager
async def _refusals() -> AsyncIterator[None]:
    """Whatever the service refuses, or a service that does not answer, is StorageUnavailableError."""
    try:
        yield
    except (BaseError, OSError) as error:
        raise StorageUnavailableError(PART, str(error).partition("\n")[0]) from error


def _key(name: BlobName) -> str:
    return f"{name.execution_id[:_FANOUT_DIGITS]}/{name.execution_id}/{name.digest}"


def _written_us(meta: "ObjectMeta") -> int:
    return int(meta["last_modified"].timestamp() * 1_000_000)
