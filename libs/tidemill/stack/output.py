"""Where a service's standard output and error go: straight into a file, or through us to a listener."""

import asyncio
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

# Takes the name of a process and a line of its log, without its end.
LineSink = Callable[[str, str], None]

LINE_BYTES_MAX: Final = 1_048_576
_LINES_KEPT_MAX: Final = 50
_TAIL_BYTES: Final = 16_384


class Output(Protocol):
    """What a service has written."""

    async def drained(self) -> None:
        """Return once all that an ended process wrote has arrived."""
        ...

    def last_lines(self) -> list[str]:
        """The last lines, oldest first."""
        ...


class FileOutput:
    """A file that the service writes by itself: its pace does not depend on ours."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def drained(self) -> None:
        """Nothing is ever under way."""

    def last_lines(self) -> list[str]:
        with self._path.open("rb") as file:
            file.seek(max(self._path.stat().st_size - _TAIL_BYTES, 0))
            return file.read().decode("utf-8", "replace").splitlines()[-_LINES_KEPT_MAX:]


class PipeOutput:
    """A pipe whose lines are handed to a sink as they come."""

    def __init__(self, name: str, stream: asyncio.StreamReader, sink: LineSink) -> None:
        self._name = name
        self._stream = stream
        self._sink = sink
        self._lines: deque[str] = deque(maxlen=_LINES_KEPT_MAX)
        self._reader = asyncio.create_task(self._read())

    async def drained(self) -> None:
        await asyncio.wait((self._reader,))

    def last_lines(self) -> list[str]:
        return list(self._lines)

    async def _read(self) -> None:
        while True:
            try:
                line = await self._stream.readline()
            except ValueError:  # a line over the limit, of which the stream has dropped what it had
                continue
            if not line:
                return
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            self._lines.append(text)
            self._sink(self._name, text)
