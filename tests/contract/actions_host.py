"""Real processes of the Action service, for tests: what they did, and streams to them."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.contract.engine_side import EngineSide, connected
from tests.contract.process_actions import EFFECTS_VARIABLE
from tidemill.stack.ports import free_ports
from tidemill.stack.process import ServiceProcess, start_logged

ROOT = Path(__file__).parents[2]
READY = '"event":"ready"'


class Host:
    """A directory in which one Action service runs at a time; `settings` are those of each start."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.settings = settings
        self.data = folder / "data"
        self.log = folder / "log"
        self.effects = folder / "effects"
        self.hang = folder / "hang"
        self.effects.touch()
        [port] = free_ports(1)
        self.address = f"127.0.0.1:{port}"

    async def start(self, **settings: str) -> ServiceProcess:
        self.log.unlink(missing_ok=True)
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            EFFECTS_VARIABLE: str(self.effects),
            "TIDEMILL_ACTIONS_DATA": str(self.data),
            "TIDEMILL_ACTIONS_LISTEN": self.address,
            "TIDEMILL_ACTIONS_MODULES": "tests.contract.process_actions",
            **self.settings,
            **settings,
        }
        return await start_logged("actions", environment, log=self.log)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[tuple[ServiceProcess, EngineSide]]:
        """A process that is ready, and a stream to it."""
        process = await self.start()
        try:
            await self.until(lambda: READY in self.log.read_text())
            async with connected(self.address) as engine:
                yield process, engine
        finally:
            await process.kill()

    async def until(self, reached: object) -> None:
        """Processes have no event to wait for from here."""
        assert callable(reached)
        async with asyncio.timeout(30):
            while not reached():  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    def counted(self) -> Counter[str]:
        """How often each key took effect."""
        return Counter(self.effects.read_text().split())
