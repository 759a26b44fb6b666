"""MCP servers that are programs: each call starts one, and has it killed with all that it has started."""

import asyncio
import contextlib
import errno
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

import anyio
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from tidemill.actions.adapters.mcp.arguments import Program
from tidemill.actions.adapters.mcp.limits import McpLimits, ProgramRules
from tidemill.actions.adapters.mcp.sessions import SessionError
from tidemill.actions.adapters.processes.commands import KEY_VARIABLE
from tidemill.actions.core.model import Problem
from tidemill.actions.core.problems import communication_problem, configuration_problem, runtime_problem

Heard: TypeAlias = SessionMessage | Exception
Streams: TypeAlias = tuple[MemoryObjectReceiveStream[Heard], MemoryObjectSendStream[SessionMessage]]

_BAD_ANSWER: Final = 502
_CHUNK_BYTES: Final = 8_192
_NOT_A_PROGRAM: Final = (errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.ENOTDIR)


class ProgramTransport:
    """Talks to one program. `problem` is why it will answer no more."""

    def __init__(self, program: Program, key: str, rules: ProgramRules, limits: McpLimits) -> None:
        self.problem: Problem | None = None
        self._program = program
        # Nothing of the service's own environment, where secrets of every namespace stand.
        own = {"PATH": rules.path, "LANG": rules.language, KEY_VARIABLE: key}
        self._environment = {**own, **program.environment}
        self._limits = limits
        self._errors = bytearray()

    @asynccontextmanager
    async def streams(self) -> AsyncIterator[Streams]:
        """Start the program; with the block it ends. Raises SessionError when it cannot be started."""
        process = await self._start()
        heard_from, heard = anyio.create_memory_object_stream[Heard](0)
        said, said_to = anyio.create_memory_object_stream[SessionMessage](0)
        try:
            async with heard_from, heard, said, said_to, anyio.create_task_group() as tasks:
                tasks.start_soon(self._listen, process, heard_from)
                tasks.start_soon(_say, process, said_to)
                yield heard, said
                tasks.cancel_scope.cancel()
            await self._dismiss(process)
        finally:
            _kill(process)
            with anyio.CancelScope(shield=True), anyio.move_on_after(self._limits.close_us / 1_000_000):
                # What is killed ends at once: it is waited for, so that nothing of it is left.
                await process.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                self._program.command, *self._program.arguments, env=self._environment, cwd="/",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                limit=self._limits.response_bytes_max, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            detail = f"the server {self._program.command:.200} cannot be started: {error.strerror}"
            wrong_call = error.errno in _NOT_A_PROGRAM
            problem = configuration_problem(detail) if wrong_call else runtime_problem(detail)
            raise SessionError(problem) from None

    async def _listen(self, process: asyncio.subprocess.Process, heard: ObjectSendStream[Heard]) -> None:
        async with heard, anyio.create_task_group() as tasks:
            tasks.start_soon(self._keep_errors, process)
            try:
                await self._pass_on(process, heard)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                # Nobody wants to know any more.
                tasks.cancel_scope.cancel()
                return
            except ValueError:
                self.problem = self._too_much()
            if self.problem is None:
                await self._until_gone(process)
                self.problem = self._gone(process)
            tasks.cancel_scope.cancel()

    async def _pass_on(self, process: asyncio.subprocess.Process, heard: ObjectSendStream[Heard]) -> None:
        """Every message, until there are no more; raises ValueError for too long a line."""
        assert process.stdout is not None
        size = 0
        while line := await process.stdout.readline():
            size += len(line)
            if size > self._limits.response_bytes_max:
                self.problem = self._too_much()
                return
            # What is no message is noise, as programs make it that also talk to people.
            with contextlib.suppress(ValueError):
                message = jsonrpc_message_adapter.validate_json(line, by_name=False)
                await heard.send(SessionMessage(message))

    async def _keep_errors(self, process: asyncio.subprocess.Process) -> None:
        """Read the error stream, and keep its end for people."""
        assert process.stderr is not None
        while chunk := await process.stderr.read(_CHUNK_BYTES):
            self._errors += chunk
            del self._errors[: -self._limits.error_excerpt_bytes_max]

    async def _until_gone(self, process: asyncio.subprocess.Process) -> None:
        """Its output has ended: it has, or it soon will."""
        with anyio.move_on_after(self._limits.close_us / 1_000_000):
            await process.wait()
            # One turn for what it has said at last.
            await asyncio.sleep(0)

    async def _dismiss(self, process: asyncio.subprocess.Process) -> None:
        """Close its input, which tells a server to end, and give it a while."""
        assert process.stdin is not None
        process.stdin.close()
        with anyio.move_on_after(self._limits.close_us / 1_000_000):
            await process.wait()

    def _gone(self, process: asyncio.subprocess.Process) -> Problem:
        how = "closed its output" if process.returncode is None else f"ended with {process.returncode}"
        said = " ".join(self._errors.decode("utf-8", "replace").replace("\0", " ").split())
        detail = f"the server {self._program.command:.200} {how} before it answered"
        return communication_problem(_BAD_ANSWER, f"{detail}: {said}" if said else detail)

    def _too_much(self) -> Problem:
        limit = f"mcp_response_bytes_max, {self._limits.response_bytes_max}"
        return communication_problem(_BAD_ANSWER, f"the server's answers are over {limit}")


async def _say(process: asyncio.subprocess.Process, said: ObjectReceiveStream[SessionMessage]) -> None:
    assert process.stdin is not None
    # A program that is gone is heard of where its output ends.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        async for message in said:
            text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
            process.stdin.write(text.encode() + b"\n")
            await process.stdin.drain()


def _kill(process: asyncio.subprocess.Process) -> None:
    """End the program and all that is in its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    # What has left the group may hold the pipes open for ever.
    process._transport.close()  # type: ignore[attr-defined]
