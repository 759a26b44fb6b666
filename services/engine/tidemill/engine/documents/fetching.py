"""Fetches documents over HTTP, and from a folder where one is set; every way to fail is one sentence."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.documents.web import WebFetcher

FOLDER_VARIABLE: Final = "TIDEMILL_ENGINE_FETCH_FOLDER"


class FetchError(Exception):
    """A document that cannot be had; the text says why, in a part of a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """What fetching one document may take, and how many are fetched at once, whoever publishes."""

    timeout_us: int
    bytes_max: int
    redirects_max: int
    at_once_max: int

    def refuse_large(self, size: int) -> None:
        """Raise FetchError for what is over `bytes_max`."""
        if size > self.bytes_max:
            raise FetchError(f"it has more than {self.bytes_max} bytes (fetch_bytes_max)")


class Fetcher:
    """Fetches documents. The library for HTTP takes a third of a second to load: it comes with the first."""

    def __init__(self, limits: FetchLimits, *, hosts: Mapping[str, str], folder: Path | None) -> None:
        """`hosts` are sent elsewhere, see RedirectedHosts; `folder` is where `file:` reads, if anywhere."""
        self._limits = limits
        self._hosts = hosts
        self._folder = folder
        self._at_once = asyncio.Semaphore(limits.at_once_max)
        self._opening = asyncio.Lock()
        self._web: WebFetcher | None = None

    async def fetch(self, uri: str, authentication: Json = None) -> bytes:
        """The document, with `basic` or `bearer` credentials where it asks for them. Raises FetchError."""
        seconds = self._limits.timeout_us / 1_000_000
        is_file = urlsplit(uri).scheme == "file"
        web = None if is_file else await self._opened()
        async with self._at_once:
            try:
                async with asyncio.timeout(seconds):
                    if web is not None:
                        return await web.get(uri, authentication)
                    return await asyncio.to_thread(self._read, uri)
            except TimeoutError:
                raise FetchError(f"it did not come within {seconds:g} s (fetch_timeout_us)") from None

    async def _opened(self) -> "WebFetcher":
        async with self._opening:
            if self._web is None:
                self._web = await asyncio.to_thread(self._open)
            return self._web

    def _open(self) -> "WebFetcher":
        from tidemill.engine.documents.web import WebFetcher

        return WebFetcher(self._limits, self._hosts)

    def _read(self, uri: str) -> bytes:
        if self._folder is None:
            raise FetchError(f"files are read from the folder alone that {FOLDER_VARIABLE} names")
        folder = self._folder.resolve()
        parts = urlsplit(uri)
        # Authors write file:///a/b.json, file:b.json, and also file://b.json.
        named = unquote(parts.path) if parts.netloc == "localhost" else unquote(parts.netloc + parts.path)
        path = (folder / named).resolve()
        if not path.is_relative_to(folder):
            raise FetchError(f"it is not in the folder that {FOLDER_VARIABLE} names")
        if not path.is_file():
            raise FetchError("there is no such file")
        try:
            with path.open("rb") as file:
                data = file.read(self._limits.bytes_max + 1)
        except OSError as error:
            raise FetchError(error.strerror or str(error)) from None
        self._limits.refuse_large(len(data))
        return data
