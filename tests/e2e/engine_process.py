"""A real Engine process on fixed files and port, to be killed and started again."""

import asyncio
import os
import socket
import sys
from pathlib import Path

from tidemill.stack.child import PARENT_VARIABLE
from tidemill.stack.health import until_healthy

START_SECONDS_MAX = 30


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class EngineProcess:
    """`python -m tidemill.engine` with its data directory and Action service."""

    def __init__(self, data: Path, actions: str, **settings: object) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self._environment = os.environ | {
            "TIDEMILL_ENGINE_LISTEN": self.address,
            "TIDEMILL_ENGINE_DATA": str(data),
            "TIDEMILL_ENGINE_ACTIONS": actions,
            "TIDEMILL_LOG_LEVEL": "warning",
            PARENT_VARIABLE: str(os.getpid()),
            **{f"TIDEMILL_ENGINE_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The id of the process that runs, or ran last."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it and wait until it serves."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tidemill.stack.child", "tidemill.engine", env=self._environment
        )
        async with asyncio.timeout(START_SECONDS_MAX):
            await until_healthy(self.address)

    async def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> int:
        """Ask it to stop; its exit code."""
        assert self._process is not None
        self._process.terminate()
        return await asyncio.wait_for(self._process.wait(), START_SECONDS_MAX)
