"""How many calls a second go through the Action service: its ledger alone, and the process over gRPC.

    python bench/actions_ledger.py [--calls 50000] [--batch 256] [--postgres URL] [--json]

The ledger is a file, or in the Postgres that the URL names (a database of its own; its tables are made).
Every call is the built-in no-op of class `once`: claimed, run, recorded and settled, each commit fsynced.
"""

import argparse
import asyncio
import os
import random
import resource
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from tidemill.action_kit import EffectClass
from tidemill.actions.core.decision import Claim
from tidemill.actions.core.model import ActionState, Outcome
from tidemill.actions.ledger.port import Granted, Ledger, Record
from tidemill.actions.ledger.postgres import (
    PostgresLedger,
    PostgresReplicas,
    ledger_options,
    migrate_ledger,
    open_ledger,
)
from tidemill.actions.ledger.sqlite import FILE_NAME, SqliteLedger
from tidemill.api.actions.v1 import action_service_pb2 as pb
from tidemill.api.actions.v1.action_service_pb2_grpc import ActionServiceStub
from tidemill.api.events.v1.payload_pb2 import Payload
from tidemill.rpc import connect
from tidemill.stack.ports import free_ports
from tidemill.stack.process import ServiceProcess, start_logged

OUTCOME = Outcome(ActionState.SUCCEEDED, b"{}")
ARGUMENTS = b'{"contact":"c-4711","tag":"new-lead"}'
HOUR_US = 3_600_000_000


def new_key(source: random.Random) -> str:
    """A key as the engine makes them."""
    numbers = source.getrandbits(31), source.getrandbits(48)
    return "{:08x}-0190a000-0000-7000-8000-{:012x}:/do/2/tagLead%231".format(*numbers)


@asynccontextmanager
async def opened(folder: Path, url: str) -> AsyncIterator[tuple[Ledger, int]]:
    """The ledger, and the lease under which to claim."""
    if not url:
        ledger = SqliteLedger(folder / FILE_NAME)
        yield ledger, 0
        await ledger.close()
        return
    await migrate_ledger(url)
    postgres = await open_ledger(url, ledger_options(8, HOUR_US))
    yield PostgresLedger(postgres), await PostgresReplicas(postgres, HOUR_US).join("bench")
    await postgres.close()


async def ledger_alone(folder: Path, options: argparse.Namespace) -> float:
    """Calls a second through claim, record and settle, from a few tasks at once."""
    source = random.Random(1)
    batches: int = options.calls // options.batch
    size: int = options.batch
    remaining = iter(range(batches))

    async with opened(folder, options.postgres) as (ledger, holder):

        async def work() -> None:
            for _ in remaining:
                await one_batch(ledger, holder, source, size)

        started = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(options.batches_in_flight)))
        elapsed = time.perf_counter() - started
    return batches * size / elapsed


async def one_batch(ledger: Ledger, holder: int, source: random.Random, size: int) -> None:
    """Take a batch of new keys through the ledger."""
    now_us = time.time_ns() // 1000
    claims = [
        Claim(
            new_key(source),
            1,
            b"0123456789abcdef",
            EffectClass.ONCE,
            source.getrandbits(62),
            now_us + HOUR_US,
            holder,
        )
        for _ in range(size)
    ]
    answers = await ledger.claim(claims, now_us)
    holds = [answer.hold for answer in answers if isinstance(answer, Granted)]
    records = [Record(claim, hold, OUTCOME) for claim, hold in zip(claims, holds, strict=True)]
    await ledger.record(records)
    await ledger.settle([claim.key for claim in claims], now_us)


def requests_of(options: argparse.Namespace) -> list[pb.ExecuteRequest]:
    """The calls in batches, made before the clock starts; each batch settles the one before."""
    source = random.Random(2)
    requests: list[pb.ExecuteRequest] = []
    for _ in range(options.calls // options.batch):
        calls = [new_call(source) for _ in range(options.batch)]
        settled = [call.key for call in requests[-1].calls] if requests else []
        requests.append(pb.ExecuteRequest(calls=calls, settled_keys=settled))
    return requests


def new_call(source: random.Random) -> pb.ActionCall:
    """A call of the no-op."""
    key = new_key(source)
    return pb.ActionCall(
        key=key,
        attempt=1,
        namespace="bench",
        execution_id=key.partition(":")[0],
        task_reference="/do/2/tagLead",
        action="tidemill.noop:1.0.0",
        arguments=Payload(data=ARGUMENTS),
        epoch=1,
        dispatch_before_us=time.time_ns() // 1000 + HOUR_US,
    )


async def over_grpc(folder: Path, options: argparse.Namespace) -> tuple[float, float]:
    """Calls a second through a process of its own, and the CPU microseconds that it spends on a call."""
    requests = requests_of(options)
    [port] = free_ports(1)
    environment = {
        **os.environ,
        "TIDEMILL_ACTIONS_DATA": str(folder / "data"),
        "TIDEMILL_ACTIONS_LISTEN": f"127.0.0.1:{port}",
        "TIDEMILL_ACTIONS_LEDGER_URL": options.postgres,
    }
    process = await start_logged("actions", environment, log=folder / "log")
    async with connect(f"127.0.0.1:{port}") as channel:
        await channel.channel_ready()
        cpu_before = cpu_seconds(process)
        elapsed = await drive(ActionServiceStub(channel), requests, options.batches_in_flight)
        cpu = cpu_seconds(process) - cpu_before
    await process.stop()
    calls = len(requests) * options.batch
    return calls / elapsed, cpu / calls * 1_000_000


async def drive(stub: ActionServiceStub, requests: list[pb.ExecuteRequest], window: int) -> float:
    """Send all batches, a bounded number unanswered at a time; returns the seconds until the last answer."""
    execute: Any = stub.Execute
    stream = execute()
    await stream.read()
    room = asyncio.Semaphore(window)
    batch = len(requests[0].calls)

    async def write() -> None:
        for request in requests:
            await room.acquire()
            await stream.write(request)

    started = time.perf_counter()
    writing = asyncio.create_task(write())
    answered = 0
    while answered < len(requests) * batch:
        before = answered // batch
        for result in (await stream.read()).results:
            assert result.state == int(ActionState.SUCCEEDED), result
            answered += 1
        for _ in range(answered // batch - before):
            room.release()
    await writing
    return time.perf_counter() - started


def cpu_seconds(process: ServiceProcess) -> float:
    """User and system time of the process so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def main() -> None:
    """Run both and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=50_000)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--batches-in-flight", type=int, default=8)
    parser.add_argument("--postgres", default="", metavar="URL")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        alone_per_s = await ledger_alone(Path(folder), options)
        service_per_s, cpu_us = await over_grpc(Path(folder), options)
    report = {
        "ledger_calls_per_s": round(alone_per_s),
        "service_calls_per_s": round(service_per_s),
        "service_cpu_us_per_call": round(cpu_us, 1),
        "client_peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    if options.json:
        print(orjson.dumps(report).decode())
        return
    for name, value in report.items():
        print(f"{name:26} {value:>10,}")


if __name__ == "__main__":
    asyncio.run(main())
