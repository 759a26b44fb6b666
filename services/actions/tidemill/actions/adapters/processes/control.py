"""The socket between the service and a guard: what the guard has told so far."""

import asyncio
import socket
from collections.abc import Mapping

from tidemill.json import Json, loads


class NotStartedError(Exception):
    """The program did not come to run. `number` is the system's error number, None for another reason."""

    def __init__(self, detail: str, number: int | None = None) -> None:
        super().__init__(detail)
        self.number = number


class Control:
    """The service's end. `begun` and `ended` are set when the guard has told so, and when it is gone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()
        self.pid = 0
        self.code: int | None = None
        self.failure: NotStartedError | None = None
        self._reader = reader
        self._writer = writer
        self._task = asyncio.create_task(self._listen())

    @classmethod
    async def on(cls, ours: socket.socket) -> "Control":
        return cls(*await asyncio.open_unix_connection(sock=ours))

    def send(self, data: bytes) -> None:
        """Say something to the guard, if it is there."""
        if not self._writer.is_closing():
            self._writer.write(data)

    def close(self) -> None:
        self._writer.close()

    async def _listen(self) -> None:
        try:
            while line := await self._reader.readline():
                self._heard(_object(loads(line)))
        except ConnectionError:
            pass
        finally:
            # With a program of which nobody knows whether it began, it counts as lost.
            if not self.pid:
                self.failure = self.failure or NotStartedError("the guard of the process has ended")
            self.begun.set()
            self.ended.set()

    def _heard(self, told: Mapping[str, Json]) -> None:
        match told.get("event"):
            case "forked":
                self.pid = _number(told, "pid")
            case "started":
                self.begun.set()
            case "failed":
                number = told.get("errno")
                self.failure = NotStartedError(
                    str(told.get("detail")), number if isinstance(number, int) else None
                )
            case _:
                self.code = _number(told, "code")
                self.ended.set()


def _object(value: Json) -> Mapping[str, Json]:
    assert isinstance(value, dict), "guards tell objects"
    return value


def _number(told: Mapping[str, Json], member: str) -> int:
    value = told[member]
    assert isinstance(value, int), f"guards tell the {member} as a number"
    return value
