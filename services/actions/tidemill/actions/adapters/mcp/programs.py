"""MCP servers that are programs: each call starts one under a guard, and ends it with all that it started."""

import asyncio
import contextlib
import errno
import shutil
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
from tidemill.actions.adapters.processes.control import NotStartedError
from tidemill.actions.adapters.processes.guarded import Guarded, LostError
from tidemill.actions.adapters.processes.jobs import Job
from tidemill.actions.core.model import Call, Problem
from tidemill.actions.core.problems import communication_problem, configuration_problem, runtime_problem
from tidemill.actions.core.secrets import masked, without_first_part

Heard: TypeAlias = SessionMessage | Exception
Streams: TypeAlias = tuple[MemoryObjectReceiveStream[Heard], MemoryObjectSendStream[SessionMessage]]

_BAD_ANSWER: Final = 502
_CHUNK_BYTES: Final = 8_192
_NOT_A_PROGRAM: Final = (errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.ENOTDIR)
_NOT_THERE: Final = "No such file or directory"


class ProgramTransport:
    """Talks to one program. `problem` is why it will answer no more."""

    def __init__(self, program: Program, call: Call, rules: ProgramRules, limits: McpLimits) -> None:
        self.problem: Problem | None = None
        self._program = program
        self._hidden = call.hidden
        # Nothing of the service's own environment, where secrets of every namespace stand.
        own = {"PATH": rules.path, "LANG": rules.language, KEY_VARIABLE: call.key}
        self._environment = {**own, **program.environment}
        self._rules = rules
        self._limits = limits
        self._errors = bytearray()

    @asynccontextmanager
    async def streams(self) -> AsyncIterator[Streams]:
        """Start the program; with the block it ends. Raises SessionError when it cannot be started."""
        guarded = await self._start()
        heard_from, heard = anyio.create_memory_object_stream[Heard](0)
        said, said_to = anyio.create_memory_object_stream[SessionMessage](0)
        try:
            async with heard_from, heard, said, said_to, anyio.create_task_group() as tasks:
                tasks.start_soon(self._listen, guarded, heard_from)
                tasks.start_soon(_say, guarded, said_to)
                yield heard, said
                tasks.cancel_scope.cancel()
            await self._dismiss(guarded)
        finally:
            # Also where the block is cancelled: it is waited for, so that nothing of it is left.
            with anyio.CancelScope(shield=True):
                await _end(guarded)

    async def _start(self) -> Guarded:
        job = Job(
            command=(self._found(),),
            arguments=self._program.arguments,
            environment=self._environment,
            limits=self._rules.processes.of_the_kernel(),
        )
        try:
            guarded = await Guarded.start(
                job,
                grace_us=self._rules.processes.kill_grace_us,
                parent=self._rules.folder,
                line_bytes_max=self._limits.response_bytes_max,
            )
        except NotStartedError as error:
            raise self._not_started(str(error), error.number) from None
        try:
            await guarded.begun()
        except NotStartedError as error:
            await _end(guarded)
            raise self._not_started(str(error), error.number) from None
        except BaseException:
            with anyio.CancelScope(shield=True):
                await _end(guarded)
            raise
        return guarded

    def _found(self) -> str:
        """The program's path. Raises SessionError where there is none."""
        command = self._program.command
        found = command if "/" in command else shutil.which(command, path=self._environment["PATH"])
        if not found:
            raise self._not_started(_NOT_THERE, errno.ENOENT)
        return found

    def _not_started(self, reason: str, number: int | None) -> SessionError:
        detail = f"the server {self._program.command:.200} cannot be started: {reason}"
        wrong_call = number in _NOT_A_PROGRAM
        return SessionError(configuration_problem(detail) if wrong_call else runtime_problem(detail))

    async def _listen(self, guarded: Guarded, heard: ObjectSendStream[Heard]) -> None:
        async with heard, anyio.create_task_group() as tasks:
            tasks.start_soon(self._keep_errors, guarded)
            try:
                await self._pass_on(guarded, heard)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                # Nobody wants to know any more.
                tasks.cancel_scope.cancel()
                return
            except ValueError:
                self.problem = self._too_much()
            if self.problem is None:
                self.problem = self._gone(await self._how_it_ended(guarded))
            tasks.cancel_scope.cancel()

    async def _pass_on(self, guarded: Guarded, heard: ObjectSendStream[Heard]) -> None:
        """Every message, until there are no more; raises ValueError for too long a line."""
        size = 0
        while line := await guarded.stdout.readline():
            size += len(line)
            if size > self._limits.response_bytes_max:
                self.problem = self._too_much()
                return
            # What is no message is noise, as programs make it that also talk to people.
            with contextlib.suppress(ValueError):
                message = jsonrpc_message_adapter.validate_json(line, by_name=False)
                await heard.send(SessionMessage(message))

    async def _keep_errors(self, guarded: Guarded) -> None:
        """Read the error stream, and keep its end for people."""
        while chunk := await guarded.stderr.read(_CHUNK_BYTES):
            self._errors += chunk
            del self._errors[: -self._limits.error_excerpt_bytes_max]

    async def _how_it_ended(self, guarded: Guarded) -> str:
        """Its output has ended: it has, or it soon will."""
        with anyio.move_on_after(self._limits.close_us / 1_000_000):
            try:
                code = await guarded.code()
            except LostError:
                return "was lost"
            # One turn for what it has said at last.
            await asyncio.sleep(0)
            return f"ended with {code}"
        return "closed its output"

    async def _dismiss(self, guarded: Guarded) -> None:
        """Close its input, which tells a server to end, and give it a while."""
        guarded.stdin.close()
        with anyio.move_on_after(self._limits.close_us / 1_000_000), contextlib.suppress(LostError):
            await guarded.code()

    def _gone(self, how: str) -> Problem:
        kept = self._errors.decode("utf-8", "ignore").replace("\0", " ")
        said = " ".join(without_first_part(masked(kept, self._hidden), self._hidden).split())
        detail = f"the server {self._program.command:.200} {how} before it answered"
        return communication_problem(_BAD_ANSWER, f"{detail}: {said}" if said else detail)

    def _too_much(self) -> Problem:
        limit = f"mcp_response_bytes_max, {self._limits.response_bytes_max}"
        return communication_problem(_BAD_ANSWER, f"the server's answers are over {limit}")


async def _end(guarded: Guarded) -> None:
    """Nobody talks to it any more."""
    await guarded.stop()
    await guarded.close()


async def _say(guarded: Guarded, said: ObjectReceiveStream[SessionMessage]) -> None:
    # A program that is gone is heard of where its output ends.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        async for message in said:
            text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
            guarded.stdin.write(text.encode() + b"\n")
            await guarded.stdin.drain()
