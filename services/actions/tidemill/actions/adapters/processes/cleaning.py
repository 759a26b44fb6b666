"""Removes containers that were to stay for a while: the runtime's own records tell which, and since when."""

import asyncio
import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from tidemill.actions.adapters.processes.containers import REMOVE_LABEL
from tidemill.actions.adapters.processes.programs import Programs
from tidemill.clock import Clock

_COMMAND_SECONDS_MAX: Final = 30.0
_EXCERPT_BYTES: Final = 500
_US: Final = 1_000_000
# At most so many at a time; the next round takes the rest.
_CONTAINERS_MAX: Final = 200
_FORMAT: Final = '{{.Id}} {{index .Config.Labels "' + REMOVE_LABEL + '"}} {{.State.FinishedAt}}'
# RFC 3339 as docker writes it, and the like of podman: `2026-11-28 13:09:06.5 +0100 CET`.
_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)? ?(?:Z|([+-]\d\d):?(\d\d))", re.ASCII
)
_LINE: Final = re.compile(r"([0-9a-f]{12,64}) (\d{1,18}) (.+)", re.ASCII)


class ContainerRuntimeError(RuntimeError):
    """The runtime's client failed; the loop that asked tries again."""


class ContainerCleaner:
    """Removes what has ended longer ago than its task said. Several may work at one runtime."""

    def __init__(self, programs: Programs, clock: Clock) -> None:
        self._client = programs.commands["container"]
        self._environment = dict(programs.environment)
        self._clock = clock

    async def run_once(self) -> bool:
        """Remove those that are due; False, for the rest can wait."""
        listed = await self._ask(
            "ps", "--all", "--quiet", "--no-trunc",
            f"--filter=label={REMOVE_LABEL}", "--filter=status=exited",
        )  # fmt: skip
        names = listed.split()[:_CONTAINERS_MAX]
        if names:
            told = await self._ask("inspect", "--format", _FORMAT, *names)
            due = list(due_containers(told, self._clock.now_us()))
            if due:
                await self._ask("rm", *due)
        return False

    async def _ask(self, *arguments: str) -> str:
        """What the client says. Raises ContainerRuntimeError."""
        process = await asyncio.create_subprocess_exec(
            *self._client, *arguments, env=self._environment, cwd="/", stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(_COMMAND_SECONDS_MAX):
                stdout, stderr = await process.communicate()
        except TimeoutError:
            raise ContainerRuntimeError(f"the container runtime does not answer `{arguments[0]}`") from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        if process.returncode:
            said = stderr[:_EXCERPT_BYTES].decode(errors="replace").strip()
            raise ContainerRuntimeError(f"the container runtime refuses `{arguments[0]}`: {said}")
        return stdout.decode(errors="replace")


def due_containers(told: str, now_us: int) -> Iterator[str]:
    """The ids of those, of lines `ID DELAY_US FINISHED_AT`, whose time has come."""
    for line in told.splitlines():
        read = _LINE.fullmatch(line.strip())
        ended_us = None if read is None else finished_us(read[3])
        if read is not None and ended_us is not None and ended_us + int(read[2]) <= now_us:
            yield read[1]


def finished_us(text: str) -> int | None:
    """A runtime's time in microseconds; None for what is none, as where a container has not ended."""
    read = _TIME.match(text)
    if read is None or read[1] < "1970":
        return None
    zone = f"{read[3]}:{read[4]}" if read[3] else "+00:00"
    try:
        moment = datetime.fromisoformat(f"{read[1]}T{read[2]}{zone}")
    except ValueError:
        return None
    return int(moment.astimezone(UTC).timestamp()) * _US
