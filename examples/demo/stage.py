"""Services with the three workflows published in them, and a provider that stands for the outside world."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from examples.demo.expectations import WORKFLOWS
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.client.addresses import Addresses
from tidemill.client.calls import Patience
from tidemill.client.client import Client
from tidemill.stack.clients import client_of
from tidemill.stack.layout import Layout, Ports
from tidemill.stack.stack import Stack
from tidemill.testing.provider import Provider

NAMESPACE: Final = "examples"
# The made-up hosts that the workflows call.
HOSTS: Final = ("sms.example.com", "email.example.com", "shop.example.com")
EXAMPLES: Final = Path(__file__).parents[1]
# A service that is killed and started again is away for a second or two.
_PATIENCE: Final = Patience(call_seconds=60.0, away_seconds=60.0)
_ANY: Final = pb.ExecutionServiceListRequest(namespace=NAMESPACE, page_size=1)


class UsedStackError(Exception):
    """The services hold executions of somebody else; the message is one line for people."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A client for services that run, and the outside world."""

    client: Client
    provider: Provider


@dataclass(frozen=True, slots=True)
class OwnStage(Stage):
    """Services of our own."""

    stack: Stack


@asynccontextmanager
async def staged(provider: Provider, data: Path) -> AsyncIterator[OwnStage]:
    """Start the services on free ports with their files in `data`; they are killed at the end.

    Raises StackError when one does not start. Their logs are the `*.log` files in `data`.
    """
    stack = Stack(Layout(data=data, ports=Ports.free(), settings=_settings(provider)))
    async with client_of(stack.layout, patience=_PATIENCE) as client:
        await stack.start()
        try:
            yield OwnStage(client, provider, stack)
        finally:
            await stack.kill_all()


@asynccontextmanager
async def given(provider: Provider, environment: Mapping[str, str]) -> AsyncIterator[Stage]:
    """Services that run already, where the environment says; raises UsedStackError for used ones."""
    async with Client(Addresses.from_environment(environment), patience=_PATIENCE) as client:
        async for page in client.executions.pages(_ANY):
            if page:
                raise UsedStackError(
                    f"there are executions in the namespace '{NAMESPACE}' already, and the demo counts all "
                    "that it finds: run it against services whose storage is empty"
                )
        yield Stage(client, provider)


async def publish_workflows(client: Client) -> list[str]:
    """Publish the three workflows; returns their full names."""
    names = []
    for name in WORKFLOWS.values():
        document = (EXAMPLES / f"demo/workflows/{name}.yaml").read_bytes()
        definition = (await client.definitions.publish(document)).definition
        names.append(f"{definition.namespace}/{definition.name}:{definition.version}")
    return names


def _settings(provider: Provider) -> dict[str, str]:
    inherited = os.environ.get("PYTHONPATH")
    paths = [str(EXAMPLES / "actions"), *([inherited] if inherited else [])]
    return {
        "TIDEMILL_ACTIONS_HTTP_HOSTS": provider.hosts(*HOSTS),
        "TIDEMILL_ACTIONS_MODULES": "crm_actions",
        "PYTHONPATH": os.pathsep.join(paths),
    }
