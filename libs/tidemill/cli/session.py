"""A command's connection to the services."""

import os
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from tidemill.client.client import Client

ResultT = TypeVar("ResultT")

# A person waits: a service that is not there is said so soon, one that restarts is given a moment.
AWAY_SECONDS: Final = 1.0


def call(work: "Callable[[Client], Awaitable[ResultT]]") -> ResultT:
    """Run `work` with a client for the services that the environment names. Raises TidemillError."""

    async def with_client() -> ResultT:
        async with client_of_environment() as client:
            return await work(client)

    return run_async(with_client())


def client_of_environment() -> "Client":
    """A client for the services that the environment names. Raises InvalidRequestError for a bad address."""
    from tidemill.client.addresses import Addresses
    from tidemill.client.calls import Patience
    from tidemill.client.client import Client

    return Client(Addresses.from_environment(os.environ), patience=Patience(away_seconds=AWAY_SECONDS))


def run_async(work: Coroutine[object, object, ResultT]) -> ResultT:
    """Run to the end; SIGTERM ends it as Ctrl-C does, cleaning up on the way."""
    import asyncio
    import signal

    async def terminable() -> ResultT:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    try:
        return asyncio.run(terminable())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
