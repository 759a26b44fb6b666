"""A cluster of real processes on one machine: brought up on empty servers, and hurt in every way there is."""

import asyncio
import os
import subprocess
import sys
from typing import Final

from tidemill.client.addresses import Addresses
from tidemill.client.calls import Patience
from tidemill.client.client import Client
from tidemill.stack.cluster_layout import ClusterLayout
from tidemill.stack.group import START_SECONDS_MAX, Group, StackError

_MIGRATE_SECONDS_MAX: Final = 60.0


class Cluster(Group):
    """Engines, Action and Triggers processes over one log and one store."""

    layout: ClusterLayout

    async def start(self, *, seconds: float = START_SECONDS_MAX) -> None:
        """Bring the databases up to date, start all processes, and wait until each is healthy."""
        await self.migrate()
        await super().start(seconds=seconds)

    async def migrate(self) -> None:
        """Run `tidemill migrate` against the cluster's databases; raises StackError when it fails."""
        code, output = await self.command("migrate", seconds=_MIGRATE_SECONDS_MAX)
        if code != 0:
            lines = output.splitlines()
            raise StackError(f"migrate failed: {lines[-1] if lines else f'exit code {code}'}", lines)

    async def command(self, *arguments: str, seconds: float) -> tuple[int, str]:
        """Run `tidemill ARGUMENTS` beside the cluster; its exit code, and all that it wrote.

        Raises StackError when it does not end in time.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tidemill.cli",
            *arguments,
            env=self.layout.environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), seconds)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise StackError(f"{arguments[0]} did not end within {seconds:g} s", []) from None
        assert process.returncode is not None, "it has ended"
        return process.returncode, output.decode("utf-8", "replace")

    async def revive(self, name: str, *, seconds: float = START_SECONDS_MAX) -> None:
        """Start a process that was killed, and wait until it is healthy."""
        await self.start_one(name)
        await self.until_healthy(name, seconds=seconds)

    def pause(self, name: str) -> None:
        """SIGSTOP a process: it keeps its connections and says nothing."""
        self.process(name).pause()

    def resume(self, name: str) -> None:
        """SIGCONT a process: it goes on as if no time had passed."""
        self.process(name).resume()

    def client(self, *, patience: Patience | None = None) -> Client:
        """A client over all processes; use it inside `async with`."""
        return Client(self.addresses(), patience=patience)

    def addresses(self) -> Addresses:
        """Where all processes are."""
        layout = self.layout
        return Addresses(
            layout.addresses("engine"), layout.addresses("triggers"), layout.addresses("actions")
        )
