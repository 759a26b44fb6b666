"""What a definition's documents were when it was published: collected, fetched, and kept by digest."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from tidemill import dsl
from tidemill.api.engine.v1 import definition_service_pb2 as pb
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.dsl.outside import OutsideDocument, outside_documents
from tidemill.engine.documents.fetching import FetchError
from tidemill.errors import TidemillError, TooLargeError
from tidemill.json import Json

# The content of a URI, with its authentication; raises FetchError.
Fetch: TypeAlias = Callable[[str, Json], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Pinned:
    """The documents of one definition: digests by URI, contents by digest."""

    digests: Mapping[str, str]
    contents: Mapping[str, bytes]

    def encoded(self) -> bytes:
        """The digests as the part of a Definition that says them."""
        message = pb.Definition()
        for uri, digest in self.digests.items():
            message.pinned_documents.add(uri=uri, digest=digest)
        return message.SerializeToString()


def digests_of(encoded: bytes) -> dict[str, str]:
    """The digests by URI out of what `Pinned.encoded` gave."""
    return {pinned.uri: pinned.digest for pinned in pb.Definition.FromString(encoded).pinned_documents}


async def pin(document: dict[str, Json], fetch: Fetch, *, documents_max: int) -> Pinned:
    """Fetch all that a checked definition names, side by side, each URI once.

    Raises TidemillError: DOCUMENT_UNAVAILABLE for one that cannot be had, TOO_LARGE for more of them than
    `documents_max`, and DocumentError for a URI that is named with different authentication.
    """
    wanted = _by_uri(outside_documents(document))
    if len(wanted) > documents_max:
        raise TooLargeError("fetches_a_publish_max", limit_value=documents_max, actual=len(wanted))
    try:
        async with asyncio.TaskGroup() as group:
            tasks = {one.uri: group.create_task(_fetched(one, fetch)) for one in wanted}
    except* TidemillError as several:
        raise _first(several) from None
    found = {uri: task.result() for uri, task in tasks.items()}
    digests = {uri: hashlib.sha256(content).hexdigest() for uri, content in found.items()}
    return Pinned(digests, {digests[uri]: content for uri, content in found.items()})


def _by_uri(named: Iterable[OutsideDocument]) -> list[OutsideDocument]:
    first: dict[str, OutsideDocument] = {}
    for one in named:
        before = first.setdefault(one.uri, one)
        if before.authentication != one.authentication:
            message = f"{one.uri} is fetched once: it has another authentication at {before.pointer}"
            raise dsl.DocumentError([dsl.Problem(one.pointer, message)])
    return [*first.values()]


async def _fetched(wanted: OutsideDocument, fetch: Fetch) -> bytes:
    try:
        return await fetch(wanted.uri, wanted.authentication)
    except FetchError as error:
        raise TidemillError(
            reasons.ERROR_REASON_DOCUMENT_UNAVAILABLE,
            f"{wanted.pointer}: {wanted.uri} cannot be fetched: {error}",
            {"uri": wanted.uri, "pointer": wanted.pointer, "detail": str(error)},
        ) from None


def _first(several: BaseExceptionGroup[TidemillError]) -> TidemillError:
    """One of the errors: nothing is published either way."""
    error = several.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
