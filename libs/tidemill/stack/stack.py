"""The whole stack on one machine: three processes, with files for storage."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tidemill.stack.group import Group, StackError
from tidemill.stack.layout import SERVICES, Layout, Ports, ServiceName
from tidemill.stack.output import LineSink

__all__ = ["Stack", "StackError", "private_stack"]


class Stack(Group):
    """One process of each service."""

    layout: Layout


@asynccontextmanager
async def private_stack(
    *,
    settings: Mapping[str, str] | None = None,
    sink: LineSink | None = None,
    launch: Sequence[ServiceName] = SERVICES,
) -> AsyncIterator[Stack]:
    """A stack on free ports with a data directory of its own; both are gone at the end.

    `launch` are the services whose processes are started at once; their health is for the caller to wait for.
    At the end they are killed, not stopped: nothing that they could still write would outlive them.
    """
    data = Path(tempfile.mkdtemp(prefix="tidemill-"))
    stack = Stack(Layout(data=data, ports=Ports.free(), settings=settings or {}), sink=sink)
    try:
        await stack.launch(*launch)
        yield stack
    finally:
        await stack.kill_all()
        shutil.rmtree(data, ignore_errors=True)
