"""A local HTTP server that stands for the outside world: it sends messages, has moods, and keeps count."""

import asyncio
import socket
import threading
from types import TracebackType
from typing import Final, Self

import uvicorn

from tidemill.testing.desk import Desk
from tidemill.testing.effects import Effects, Temper

HOST: Final = "127.0.0.1"
_BACKLOG: Final = 1_024
_KEEP_ALIVE_SECONDS: Final = 60


class Provider:
    """Serves a Desk in a thread of its own; use it inside `with`."""

    def __init__(self, temper: Temper | None = None, *, host: str = HOST, port: int = 0) -> None:
        """Bind the port, 0 for any that is free; raises OSError."""
        self._desk = Desk(temper or Temper())
        self._socket = socket.create_server((host, port), backlog=_BACKLOG)
        self.url = f"http://{host}:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._desk.application,
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=1,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            )
        )
        self._thread = threading.Thread(target=self._run, name="provider", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    def effects(self) -> Effects:
        """What was done until now."""
        return self._desk.effects()

    def hosts(self, *names: str) -> str:
        """The setting that sends HTTP calls for these hosts here: TIDEMILL_ACTIONS_HTTP_HOSTS."""
        return ",".join(f"{name}={self.url}" for name in names)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._desk.close)
        self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._server.serve(sockets=[self._socket])
