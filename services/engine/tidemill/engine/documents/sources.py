"""What publishing needs of the outside: somebody who fetches, and somebody who knows .proto files."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from tidemill.engine.documents.fetching import FetchError
from tidemill.json import Json

# The content of a URI, with its authentication; raises FetchError.
Fetch: TypeAlias = Callable[[str, Json], Awaitable[bytes]]
# Why the text of a .proto file cannot be used, in a sentence; empty when it can.
ProtoFault: TypeAlias = Callable[[str], Awaitable[str]]


async def _nothing(_uri: str, _authentication: Json) -> bytes:
    raise FetchError("this engine fetches nothing")


async def _no_fault(_text: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Sources:
    """Both of them; what is not given fetches nothing, and takes every text."""

    fetch: Fetch = _nothing
    proto_fault: ProtoFault = _no_fault


NO_SOURCES: Final = Sources()
