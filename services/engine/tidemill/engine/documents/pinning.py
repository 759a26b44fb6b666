"""What a definition's documents were when it was published: collected, fetched, read, and kept by digest."""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from tidemill import dsl
from tidemill.api.engine.v1 import definition_service_pb2 as pb
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.dsl import limits
from tidemill.dsl.checking import FunctionChecks
from tidemill.dsl.linking import levels_problem, link_problems
from tidemill.dsl.outside import OutsideDocument, Reading, outside_documents, outside_documents_of
from tidemill.engine.documents.fetching import FetchError
from tidemill.engine.documents.reading import json_form, read_function
from tidemill.engine.documents.repositories import raw_address
from tidemill.engine.documents.sources import Fetch
from tidemill.errors import TidemillError, TooLargeError
from tidemill.json import Json

_US_PER_SECOND: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Pinned:
    """The documents of one definition: each by its URI, contents by digest; and those among them that are
    functions, as tasks, and .proto files."""

    documents: Sequence[pb.PinnedDocument] = ()
    contents: Mapping[str, bytes] = field(default_factory=dict)
    functions: Sequence[Json] = ()
    protos: Sequence[tuple[OutsideDocument, bytes]] = ()

    def encoded(self) -> bytes:
        """The documents as the part of a Definition that says them."""
        return pb.Definition(pinned_documents=self.documents).SerializeToString()


def digests_of(encoded: bytes) -> dict[str, str]:
    """What to read for each URI, by its digest, out of what `Pinned.encoded` gave: JSON where there is."""
    pinned = pb.Definition.FromString(encoded).pinned_documents
    return {one.uri: one.json_digest or one.digest for one in pinned}


@dataclass(frozen=True, slots=True, kw_only=True)
class PinLimits:
    """How many documents one definition may lead to, and how long fetching all of them may take."""

    documents_max: int
    timeout_us: int


async def pin(document: dict[str, Json], fetch: Fetch, pin_limits: PinLimits) -> Pinned:
    """Fetch all that a checked definition leads to, each URI once, and what stands beside each other at once.

    Raises TidemillError: DOCUMENT_UNAVAILABLE for one that cannot be had, TOO_LARGE for more of them than
    there may be, UNSUPPORTED_FEATURE for a function that needs one; and DocumentError: for a URI that is
    named with different authentication, for what is wrong with a function, and with all of them together.
    """
    gathering = _Gathering(document, pin_limits.documents_max)
    wanted = gathering.take(outside_documents(document))
    try:
        async with asyncio.timeout(pin_limits.timeout_us / _US_PER_SECOND):
            await _gather(gathering, wanted, fetch)
    except TimeoutError:
        seconds = pin_limits.timeout_us / _US_PER_SECOND
        late = f"all that it leads to did not come within {seconds:g} s (fetches_timeout_us)"
        raise _unavailable(wanted[0], late) from None
    if not gathering.contents:
        return Pinned()
    if problems := list(islice(gathering.link_problems(), limits.PROBLEMS_MAX)):
        raise dsl.DocumentError(problems)
    return await asyncio.to_thread(gathering.pinned)


async def _gather(gathering: "_Gathering", wanted: list[OutsideDocument], fetch: Fetch) -> None:
    """Fetch what is wanted, then what functions among it want, and so on."""
    for level in range(limits.FUNCTION_LEVELS_MAX + 1):
        if not wanted:
            return
        functions = [one for one in wanted if one.reading is Reading.FUNCTION]
        if functions and level == limits.FUNCTION_LEVELS_MAX:
            raise dsl.DocumentError([levels_problem(functions[0].pointer, functions[0].uri)])
        gathering.contents |= await _side_by_side(wanted, fetch)
        wanted = await asyncio.to_thread(gathering.read)


class _Gathering:
    """All that a definition leads to, as far as it is known."""

    def __init__(self, document: dict[str, Json], documents_max: int) -> None:
        self._document = document
        self._documents_max = documents_max
        self._checks = FunctionChecks()
        # How each URI is named, first and by all.
        self._first: dict[str, OutsideDocument] = {}
        self._named: list[OutsideDocument] = []
        self.contents: dict[str, bytes] = {}
        self._functions: dict[str, Json] = {}

    def take(self, named: Iterable[OutsideDocument]) -> list[OutsideDocument]:
        """Those that have not been named before. Raises TooLargeError, and DocumentError for a URI that has
        other authentication than before."""
        new: list[OutsideDocument] = []
        for one in named:
            self._named.append(one)
            before = self._first.get(one.uri)
            if before is None:
                self._first[one.uri] = one
                new.append(one)
            elif before.authentication != one.authentication:
                message = f"{one.source} is fetched once: it has another authentication at {before.place}"
                raise dsl.DocumentError([dsl.Problem(one.pointer, message)])
        if len(self._first) > self._documents_max:
            raise TooLargeError(
                "fetches_a_publish_max", limit_value=self._documents_max, actual=len(self._first)
            )
        return new

    def read(self) -> list[OutsideDocument]:
        """Read the functions that have come; what they name that has not been named before."""
        new: list[OutsideDocument] = []
        while unread := self._unread():
            task = read_function(self.contents[unread.uri], unread, self._checks)
            self._functions[unread.uri] = task
            new += self.take(outside_documents_of(task, unread))
        return new

    def _unread(self) -> OutsideDocument | None:
        for one in self._named:
            if one.reading is Reading.FUNCTION and one.uri in self.contents.keys() - self._functions.keys():
                return one
        return None

    def link_problems(self) -> Iterable[dsl.Problem]:
        """What is wrong with the definition and its functions together."""
        if not self._functions:
            return ()
        pointers = {uri: self._first[uri].pointer for uri in self._functions}
        return link_problems(self._document, self._functions, pointers)

    def pinned(self) -> Pinned:
        """All of it, with the JSON of what is YAML and read as nothing but a value."""
        texts = {one.uri for one in self._named if not one.reading.is_value}
        documents: list[pb.PinnedDocument] = []
        contents: dict[str, bytes] = {}
        for uri, content in self.contents.items():
            data = None if uri in texts else json_form(content)
            document = pb.PinnedDocument(uri=uri, digest=_digest(content))
            contents[document.digest] = content
            if data is not None:
                document.json_digest = _digest(data)
                contents[document.json_digest] = data
            documents.append(document)
        protos = {one.uri: one for one in reversed(self._named) if one.reading is Reading.PROTO}
        return Pinned(
            documents,
            contents,
            [*self._functions.values()],
            [(one, self.contents[uri]) for uri, one in protos.items()],
        )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def _side_by_side(wanted: Sequence[OutsideDocument], fetch: Fetch) -> dict[str, bytes]:
    try:
        async with asyncio.TaskGroup() as group:
            tasks = {one.uri: group.create_task(_fetched(one, fetch)) for one in wanted}
    except* TidemillError as several:
        raise _first(several) from None
    return {uri: task.result() for uri, task in tasks.items()}


async def _fetched(wanted: OutsideDocument, fetch: Fetch) -> bytes:
    address = raw_address(wanted.uri)
    try:
        return await fetch(address, wanted.authentication)
    except FetchError as error:
        raise _unavailable(wanted, str(error), address) from None


def _unavailable(wanted: OutsideDocument, detail: str, address: str = "") -> TidemillError:
    source = wanted.uri if address in ("", wanted.uri) else f"{wanted.uri} ({address})"
    return TidemillError(
        reasons.ERROR_REASON_DOCUMENT_UNAVAILABLE,
        f"{wanted.place}: {source} cannot be fetched: {detail}",
        {"uri": wanted.uri, "pointer": wanted.pointer, "detail": detail},
    )


def _first(several: BaseExceptionGroup[TidemillError]) -> TidemillError:
    """One of the errors: nothing is published either way."""
    error = several.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
