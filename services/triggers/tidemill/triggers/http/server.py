"""Runs the HTTP application inside the process's event loop."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from tidemill.rpc import AddressInUseError
from tidemill.telemetry.logging import get_logger

if TYPE_CHECKING:
    import uvicorn
    from starlette.applications import Starlette

_BACKLOG: Final = 1_024
_TICK_SECONDS: Final = 1.0
_log = get_logger(__name__)


class HttpServer:
    """A bound server; `run` serves until `stop` is asked for, and then lets requests under way end.

    The application is made when `run` begins: what it stands on takes long to load, and until then
    connections wait in the socket's backlog.
    """

    def __init__(
        self, application: "Callable[[], Starlette]", address: str, *, connections_max: int, grace_us: int
    ) -> None:
        """Bind `host:port` (port 0 takes any); raises AddressInUseError."""
        self._application = application
        self._socket = _bind(address)
        self._connections_max = connections_max
        self._grace_seconds = max(1, grace_us // 1_000_000)
        self._server: uvicorn.Server | None = None
        self._stopping = asyncio.Event()
        self.address = f"{address.rpartition(':')[0]}:{self._socket.getsockname()[1]}"

    async def run(self) -> None:
        """Serve until `stop`."""
        if self._stopping.is_set():
            return
        self._server = await asyncio.to_thread(self._build)
        self._server.should_exit = self._stopping.is_set()
        _log.info("listening", address=self.address)
        await self._server.serve(sockets=[self._socket])

    def stop(self) -> None:
        """Take no new connection, and end once the requests under way have."""
        self._stopping.set()
        if self._server is not None:
            self._server.should_exit = True

    def close(self) -> None:
        """Give the address back where `run` was never called."""
        self._socket.close()

    def _build(self) -> "uvicorn.Server":
        import uvicorn

        stopping = self._stopping

        class QuietServer(uvicorn.Server):
            """A server that leaves the process's signals to the process, and sleeps where nothing happens."""

            async def main_loop(self) -> None:
                # Uvicorn looks ten times a second whether it is to end. Of what it does meanwhile only the
                # Date header is wanted here, which changes once a second.
                while not await self.on_tick(0):
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(stopping.wait(), _TICK_SECONDS)

            @contextlib.contextmanager
            def capture_signals(self) -> Iterator[None]:
                yield

        return QuietServer(
            uvicorn.Config(
                self._application(),
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                limit_concurrency=self._connections_max,
                timeout_graceful_shutdown=self._grace_seconds,
            )
        )


def _bind(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    # A restarted process takes its port back while old connections fade; a living listener still keeps it.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), int(port)))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise AddressInUseError(f"cannot listen on {address}: is it in use already?") from None
    return listener
