"""The health probe of containers tells a server that serves from one that does not, and from none."""

import asyncio
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from collections.abc import AsyncIterator

import pytest

from tidemill.rpc import RpcServer, build_server
from tidemill.rpc.probe import HEALTHY, UNHEALTHY, probe


@pytest.fixture
async def server() -> AsyncIterator[RpcServer]:
    server = build_server("127.0.0.1:0", [])
    await server.start(serving=False)
    yield server
    await server.stop(0)


async def test_a_server_is_healthy_from_when_it_serves(server: RpcServer) -> None:
    assert await asyncio.to_thread(probe, server.address) == f"{server.address} says NOT_SERVING"
    await server.set_serving(True)
    assert await asyncio.to_thread(probe, server.address) is None


async def test_where_nobody_listens_it_says_so(server: RpcServer) -> None:
    await server.stop(0)
    wrong = await asyncio.to_thread(probe, server.address)
    assert wrong == f"{server.address} does not answer: UNAVAILABLE"


@pytest.mark.parametrize(("serving", "code"), [(True, HEALTHY), (False, UNHEALTHY)])
async def test_as_a_program_it_answers_with_its_exit_code(
    server: RpcServer, serving: bool, code: int
) -> None:
    await server.set_serving(serving)
    command = ("-m", "tidemill.rpc.probe", server.address, "--seconds", "20")
    process = await create_subprocess_exec(sys.executable, *command, stdout=PIPE, stderr=PIPE)
    out, said = await process.communicate()
    assert (process.returncode, out, bool(said)) == (code, b"", not serving)
