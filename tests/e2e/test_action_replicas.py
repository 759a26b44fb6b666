"""An Engine and two real Action services on one ledger: one is killed or paused, and no execution notices."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.contract.actions_host import READY, Host
from tests.contract.engine_bench import EngineClients
from tests.waiting import eventually
from tidemill.actions.ledger.postgres import migrate_ledger
from tidemill.engine.app import build
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.settings import Settings
from tidemill.json import Json
from tidemill.stack.process import ServiceProcess

COMPLETED = 7
CANCELLED = 5
EXECUTIONS = 20
# A lease of 3 s for the dead; a connection to the paused is given up after twice 5 s.
KILLED_SECONDS = 10.0
PAUSED_SECONDS = 20.0


class Stack(EngineClients):
    """The Engine in this process, and two Action services in their own."""

    def __init__(self, address: str, hosts: list[Host], processes: list[ServiceProcess]) -> None:
        super().__init__(address)
        self.hosts = hosts
        self.processes = processes

    async def start_hanging(self, folder: Path) -> list[str]:
        """Executions whose calls hang while the file `hang` is there, half of them at each service."""
        step: dict[str, Json] = {"step": {"call": "test.once:1.0.0", "with": {"hang": str(folder / "hang")}}}
        await self.publish(step)
        started = [await self.start({"n": number}) for number in range(EXECUTIONS)]
        await eventually(lambda: self.hosts[0].counted().total() >= EXECUTIONS)
        return [one.execution_id for one in started]

    async def all_completed(self, executions: list[str]) -> None:
        """Return once all are completed."""
        from tidemill.api.engine.v1.execution_service_pb2 import StartResponse

        for execution_id in executions:
            closed = await self.closed(StartResponse(execution_id=execution_id))
            assert closed.phase == COMPLETED, closed


@asynccontextmanager
async def running(folder: Path, url: str) -> AsyncIterator[Stack]:
    """The stack for as long as the block runs."""
    await migrate_ledger(url)
    (folder / "effects").touch()
    (folder / "hang").touch()
    async with AsyncExitStack() as stack:
        hosts = [Host(folder / name, TIDEMILL_ACTIONS_LEDGER_URL=url) for name in ("a", "b")]
        processes = []
        for host in hosts:
            host.effects = folder / "effects"
            processes.append(process := await host.start())
            stack.push_async_callback(process.kill)
        for host in hosts:
            await eventually(lambda host=host: READY in host.log.read_text())  # type: ignore[misc]
        addresses = ",".join(host.address for host in hosts)
        made = Settings(listen="127.0.0.1:0", data=folder / "engine", actions=addresses)
        engine = await build(Environment(settings=made))
        running = Stack(await engine.start(), hosts, processes)
        serving = asyncio.ensure_future(engine.serve())
        await eventually(lambda: all(stream.connected for stream in engine._streams))
        yield running
        engine.ask_to_stop()
        await asyncio.wait_for(serving, 20)
        await running.close()


@pytest.mark.parametrize(
    ("number", "seconds"), [(signal.SIGKILL, KILLED_SECONDS), (signal.SIGSTOP, PAUSED_SECONDS)]
)
async def test_executions_go_on_when_one_action_service_is_gone(
    tmp_path: Path, postgres_url: str, number: signal.Signals, seconds: float
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    async with running(tmp_path, postgres_url) as stack:
        executions = await stack.start_hanging(tmp_path)
        gone = stack.processes[0].pid
        os.kill(gone, number)
        (tmp_path / "hang").unlink()
        since = time.monotonic()
        await stack.all_completed(executions)
        assert time.monotonic() - since < seconds
        if number is signal.SIGSTOP:
            os.kill(gone, signal.SIGCONT)
            await eventually(lambda: "has run out" in stack.hosts[0].log.read_text())
        counted = stack.hosts[0].counted()
    # Half were under way at the one that is gone: those took effect twice, under the same key.
    assert len(counted) == EXECUTIONS
    assert counted.total() == EXECUTIONS + EXECUTIONS // 2
