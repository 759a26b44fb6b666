"""`run`: one execution from nothing, in a stack of its own unless a running one is named."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, cast

import typer

from tidemill.cli import session
from tidemill.cli.commands.reading import print_report
from tidemill.cli.failures import FAILED, TIMED_OUT
from tidemill.cli.inputs import json_bytes, read_file
from tidemill.cli.options import DocumentPath, InputText, JsonFlag
from tidemill.cli.output import note, print_json

if TYPE_CHECKING:
    from tidemill.client.client import Client
    from tidemill.json import Json


@dataclass(frozen=True, slots=True)
class _Work:
    """What to run, and for how long to wait."""

    path: str
    document: bytes
    input_data: bytes
    timeout_seconds: float


def run(
    path: DocumentPath,
    *,
    input_text: InputText = "{}",
    timeout: Annotated[float, typer.Option(min=0.001, metavar="SECONDS", help="How long to wait.")] = 60,
    as_json: JsonFlag = False,
) -> None:
    """Publish a document, start it, and wait for its end.

    In private services that are gone afterwards, unless TIDEMILL_ENGINE names running ones. The exit code is
    0 only when the execution completed, and 4 when it had not ended in time.
    """
    work = _Work(path, read_file(path), json_bytes("--input", input_text), timeout)
    report = session.run_async(_run(work))
    if as_json:
        print_json(report)
    else:
        print_report(report)
    _exit_unless_completed(cast("dict[str, Json]", report)["phase"], timeout)


def _exit_unless_completed(phase: "Json", timeout_seconds: float) -> None:
    match phase:
        case "completed":
            return
        case "faulted" | "cancelled":
            raise typer.Exit(FAILED)
        case _:
            note(f"error: not ended within {timeout_seconds:g} s, it is {phase}")
            raise typer.Exit(TIMED_OUT)


async def _run(work: _Work) -> "Json":
    async with _connected() as client:
        import asyncio

        from tidemill.api.engine.v1.execution_service_pb2 import StartRequest
        from tidemill.api.events.v1.payload_pb2 import Payload
        from tidemill.cli.documents import publish

        definition = (await publish(client, work.path, work.document)).definition
        request = StartRequest(
            namespace=definition.namespace,
            workflow=definition.name,
            version=definition.version,
            input=Payload(data=work.input_data),
        )
        started = await client.executions.start(request)
        try:
            async with asyncio.timeout(work.timeout_seconds):
                await client.executions.wait_ended(started, namespace=definition.namespace)
        except TimeoutError:
            pass
        return await client.report(started.execution_id, namespace=definition.namespace)


@asynccontextmanager
async def _connected() -> "AsyncIterator[Client]":
    """A client for the services that the environment names, or for private ones."""
    if os.environ.get("TIDEMILL_ENGINE"):
        async with session.client_of_environment() as client:
            yield client
        return
    from tidemill.stack.stack import private_stack

    # Two cores have enough to load: Triggers is needed only for what a workflow emits, and starts behind.
    async with private_stack(launch=("engine", "actions")) as stack:
        # What is imported from here on loads while the services do.
        from tidemill.stack.clients import client_of

        async with client_of(stack.layout) as client:
            # The engine alone is waited for: what it needs from the others waits for them by itself.
            await stack.until_healthy("engine")
            await stack.launch("triggers")
            yield client
