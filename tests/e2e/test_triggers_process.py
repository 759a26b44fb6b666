"""The Triggers service as a process: it says when it is ready, and SIGTERM loses nothing that it took."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator

import orjson
import pytest

from tests.contract.fake_engine import FakeEngine
from tests.e2e.engine_process import free_port
from tests.unit.triggers.samples import document, one
from tidemill.api.events.v1.payload_pb2 import CloudEvent
from tidemill.api.triggers.v1.event_service_pb2 import PublishEventsRequest
from tidemill.api.triggers.v1.event_service_pb2_grpc import EventServiceStub
from tidemill.rpc import connect

pytestmark = pytest.mark.e2e

SECONDS_MAX = 30


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    engine = FakeEngine()
    await engine.start()
    await engine.catalogue.publish(document(one(type="lead.created")))
    yield engine
    await engine.stop()


async def start(engine: FakeEngine, **settings: str) -> tuple[asyncio.subprocess.Process, str]:
    """The process and its gRPC address."""
    address = f"127.0.0.1:{free_port()}"
    variables = {
        "listen": address,
        "http_listen": f"127.0.0.1:{free_port()}",
        "engine": engine.address,
        **settings,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tidemill.triggers",
        env=os.environ | {f"TIDEMILL_TRIGGERS_{name.upper()}": value for name, value in variables.items()},
        stderr=asyncio.subprocess.PIPE,
    )
    return process, address


async def ready_line(process: asyncio.subprocess.Process) -> dict[str, object]:
    """The log line that says that the service takes events."""
    assert process.stderr is not None
    async with asyncio.timeout(SECONDS_MAX):
        while line := await process.stderr.readline():
            entry: dict[str, object] = orjson.loads(line)
            if entry["event"] == "ready":
                return entry
    raise AssertionError("the process ended before it was ready")


async def test_sigterm_answers_what_is_in_hand_and_ends_well(engine: FakeEngine) -> None:
    process, address = await start(engine)
    line = await ready_line(process)
    assert (line["service"], line["address"]) == ("triggers", address)
    engine.executions.gate.clear()
    async with connect(address) as channel:
        events = [CloudEvent(id="1", source="/forms", type="lead.created")]
        request = PublishEventsRequest(namespace="crm", events=events)
        publishing = asyncio.ensure_future(EventServiceStub(channel).PublishEvents(request))
        await engine.executions.entered.wait()
        process.terminate()
        await asyncio.sleep(0.2)
        engine.executions.gate.set()
        answer = await publishing
    assert answer.outcomes[0].executions[0].created
    assert await asyncio.wait_for(process.wait(), SECONDS_MAX) == 0


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"queued_commands_max": "many"}, b"TIDEMILL_TRIGGERS_QUEUED_COMMANDS_MAX"),
        ({"no_such_setting": "1"}, b"TIDEMILL_TRIGGERS_NO_SUCH_SETTING"),
        ({"http_listen": "taken"}, b"in use"),
    ],
)
async def test_what_keeps_it_from_running_is_one_line_and_an_exit_code(
    engine: FakeEngine, settings: dict[str, str], sentence: bytes
) -> None:
    given = {**settings, **({"http_listen": engine.address} if "http_listen" in settings else {})}
    process, _ = await start(engine, **given)
    _, errors = await asyncio.wait_for(process.communicate(), SECONDS_MAX)
    assert process.returncode == 1
    assert sentence in errors
    assert b"Traceback" not in errors
