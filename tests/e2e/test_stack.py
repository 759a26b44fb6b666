"""The life of child processes, with stand-ins for the services that do as each test wants."""

import asyncio
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.processes import runs
from tidemill.stack.health import until_healthy
from tidemill.stack.layout import SERVICES, Layout, Ports
from tidemill.stack.stack import Stack, StackError, private_stack

pytestmark = pytest.mark.e2e

HEALTHY = """
import asyncio, os, signal
from tidemill.rpc import build_server

async def main():
    server = build_server(os.environ["TIDEMILL_{NAME}_LISTEN"], [])
    await server.start()
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    print("{NAME} is up", flush=True)
    await stopping.wait()
    await server.stop(0)

asyncio.run(main())
"""
REFUSES = "print('error: the directory is in use'); raise SystemExit(1)"
DEAF = HEALTHY.replace("stopping.set", "lambda: None")
SLOW = "import time; time.sleep(60)"


def write_services(directory: Path, **programs: str) -> dict[str, str]:
    """Put programs in the services' place; returns the setting that makes a stack run them."""
    for name in SERVICES:
        package = directory / "tidemill" / name
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(programs.get(name, HEALTHY).replace("{NAME}", name.upper()))
    return {"PYTHONPATH": str(directory)}


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """A stack of healthy stand-ins, not yet started."""
    settings = write_services(tmp_path / "programs")
    found = Stack(Layout(data=tmp_path / "data", ports=Ports.free(), settings=settings))
    yield found
    await found.kill_all()


async def test_all_services_start_together_and_stop_gracefully(stack: Stack) -> None:
    await stack.start()
    assert len(set(stack.pids().values())) == 3
    await stack.stop()
    assert [stack.process(name).exit_code for name in SERVICES] == [0, 0, 0]


async def test_one_service_can_be_killed_and_started_again(stack: Stack) -> None:
    await stack.start()
    before = stack.pids()
    await stack.kill("engine")
    assert stack.process("engine").exit_code == -signal.SIGKILL
    await stack.restart("engine")
    await asyncio.wait_for(until_healthy(stack.layout.address("engine")), 10)
    after = stack.pids()
    assert after["engine"] != before["engine"]
    assert (after["triggers"], after["actions"]) == (before["triggers"], before["actions"])


async def test_what_a_service_writes_is_kept_in_a_file(stack: Stack) -> None:
    await stack.start()
    await stack.stop()
    log = stack.layout.data / "engine.log"
    assert log.read_text().endswith("ENGINE is up\n")
    assert stack.process("engine").output.last_lines()[-1] == "ENGINE is up"


async def test_what_a_service_writes_goes_to_a_sink_instead(tmp_path: Path) -> None:
    heard: list[tuple[str, str]] = []
    settings = write_services(tmp_path)
    async with private_stack(settings=settings, sink=lambda name, line: heard.append((name, line))) as stack:
        await stack.until_healthy(*SERVICES)
        await stack.stop()
    assert {(name, f"{name.upper()} is up") for name in SERVICES} <= set(heard)


async def test_a_service_that_refuses_to_start_takes_the_others_down_and_is_quoted(tmp_path: Path) -> None:
    settings = write_services(tmp_path / "programs", actions=REFUSES)
    stack = Stack(Layout(data=tmp_path / "data", ports=Ports.free(), settings=settings))
    with pytest.raises(StackError, match=r"actions service ended with exit code 1: .* in use"):
        await stack.start()
    assert not any(runs(pid) for pid in stack.pids().values())


async def test_a_service_that_does_not_get_ready_is_given_up(tmp_path: Path) -> None:
    settings = write_services(tmp_path / "programs", triggers=SLOW)
    stack = Stack(Layout(data=tmp_path / "data", ports=Ports.free(), settings=settings))
    with pytest.raises(StackError, match=r"triggers service was not ready within 1\.5 s"):
        await stack.start(seconds=1.5)
    assert not any(runs(pid) for pid in stack.pids().values())


async def test_a_service_that_does_not_stop_is_killed_after_the_grace(tmp_path: Path) -> None:
    async with private_stack(settings=write_services(tmp_path, engine=DEAF)) as stack:
        await stack.until_healthy("engine")
        assert await stack.process("engine").stop(grace_seconds=0.2) == -signal.SIGKILL


async def test_a_private_stack_leaves_nothing_behind(tmp_path: Path) -> None:
    async with private_stack(settings=write_services(tmp_path)) as stack:
        await stack.until_healthy("engine")
        pids, data = stack.pids().values(), stack.layout.data
        assert data.is_dir()
    assert not data.exists()
    assert not any(runs(pid) for pid in pids)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent ended")
def test_services_end_with_their_parent_however_it_ends(tmp_path: Path) -> None:
    program = f"""
import asyncio, os
from tidemill.stack.stack import private_stack

async def main():
    async with private_stack(settings={write_services(tmp_path)!r}) as stack:
        await stack.until_healthy("engine", "actions", "triggers")
        print(*stack.pids().values(), stack.layout.data, flush=True)
        os.kill(os.getpid(), {int(signal.SIGKILL)})

asyncio.run(main())
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    *pids, data = ended.stdout.split()
    deadline = time.monotonic() + 10
    while any(runs(int(pid)) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert Path(data).name.startswith("tidemill-")
    shutil.rmtree(data)
