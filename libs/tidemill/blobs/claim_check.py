"""The claim check: a blob store, and the size above which a text goes there."""

import asyncio
from collections.abc import Callable, Collection
from typing import Final, ParamSpec, TypeVar

from google.protobuf.message import Message

from tidemill.blobs.claims import (
    Contents,
    claimed_names,
    names_of,
    put_back,
    put_back_text,
    take_out,
    take_text,
)
from tidemill.blobs.port import Blob, BlobName, BlobStore

P = ParamSpec("P")
R = TypeVar("R")
# More than this is hashed in a thread: it holds up the event loop for milliseconds.
OFFLOAD_BYTES_MIN: Final = 262_144


class ClaimCheck:
    """Keeps texts above `bytes_max` in a blob store, with claims in their places, and fetches them again."""

    def __init__(self, store: BlobStore, *, bytes_max: int) -> None:
        self.store = store
        self.bytes_max = bytes_max

    async def leave(self, message: Message, execution_id: str) -> None:
        """Put claims in the places of the large texts of a message, which are durable on return.

        Raises StorageUnavailableError.
        """
        blobs: dict[BlobName, Blob] = {}
        take_out(message, execution_id, blobs, bytes_max=self.bytes_max)
        await self.store.put(blobs.values())

    async def leave_texts(self, texts: Collection[tuple[str, bytes]]) -> list[bytes]:
        """What is to stand in the places of texts, each with its execution; large ones are durable on return.

        Raises StorageUnavailableError.
        """
        blobs: dict[BlobName, Blob] = {}
        size_bytes = sum(len(text) for _, text in texts)
        claims = await offload(size_bytes, self._claims, texts, blobs)
        await self.store.put(blobs.values())
        return claims

    def _claims(self, texts: Collection[tuple[str, bytes]], blobs: dict[BlobName, Blob]) -> list[bytes]:
        return [
            text if len(text) <= self.bytes_max else take_text(text, execution_id, blobs)
            for execution_id, text in texts
        ]

    async def fetch(self, names: Collection[BlobName]) -> Contents:
        """What stands under each name. Raises StorageUnavailableError."""
        return await self.store.get(names) if names else {}

    async def fetch_into(self, message: Message, execution_id: str) -> None:
        """Put the texts back in the places of claims. Raises BlobError and StorageUnavailableError."""
        contents = await self.fetch(claimed_names(execution_id, [message]))
        put_back(message, execution_id, contents)

    async def fetch_text(self, text: bytes, execution_id: str) -> bytes:
        """The text that a claim stands for, or the text itself. Raises as `fetch_into`."""
        return put_back_text(text, execution_id, await self.fetch(names_of(execution_id, [text])))


async def offload(size_bytes: int, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Do work over so many bytes: in a thread where they are many."""
    if size_bytes < OFFLOAD_BYTES_MIN:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)
