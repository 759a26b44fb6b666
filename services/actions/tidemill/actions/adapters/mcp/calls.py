"""MCP calls: a session for each, and every way in which a call can go wrong made a problem."""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from tidemill.actions.adapters.http.auth.problems import AuthenticationError
from tidemill.actions.adapters.http.outlet import Outlet
from tidemill.actions.adapters.mcp.answers import outcome_of
from tidemill.actions.adapters.mcp.arguments import InvalidArgumentsError, McpCall, Program, Web, parse
from tidemill.actions.adapters.mcp.limits import STDIO_VARIABLE, McpLimits, ProgramRules
from tidemill.actions.adapters.mcp.programs import ProgramTransport
from tidemill.actions.adapters.mcp.sessions import SessionError, ask
from tidemill.actions.adapters.mcp.web import WebTransport
from tidemill.actions.core.model import Call, Outcome, Problem
from tidemill.actions.core.problems import configuration_problem, failed, timeout_problem
from tidemill.actions.core.secrets import cut, mask_outcome

_US_PER_SECOND: Final = 1_000_000
# What stands around the words of a server.
_WORDS_MAX: Final = 512
_OFF: Final = (
    "MCP servers that are programs are off: they run on the machine of the Action service;"
    f" {STDIO_VARIABLE}=true turns them on there"
)


class McpCalls:
    """Calls MCP servers. Nothing is kept of a session: what one task does no other task sees."""

    def __init__(self, outlet: Outlet, limits: McpLimits, rules: ProgramRules) -> None:
        self._outlet = outlet
        self._limits = limits
        self._rules = rules
        self._programs = asyncio.Semaphore(limits.programs_max)
        # What the library logs may quote what servers say; and what matters of it is in the errors.
        for name in ("mcp", "httpx2", "httpcore2"):
            logging.getLogger(name).propagate = False
            logging.getLogger(name).addHandler(logging.NullHandler())

    async def run(self, call: Call) -> Outcome:
        """Make the call."""
        try:
            wanted = parse(call.arguments)
        except InvalidArgumentsError as error:
            return failed(error.problem)
        seconds = self._timeout_us(wanted, call) / _US_PER_SECOND
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await self._ask(wanted, call)
        except TimeoutError:
            if not limit.expired():
                raise
            return failed(timeout_problem(f"{wanted.method} was not answered within {seconds:g} seconds"))

    def _timeout_us(self, wanted: McpCall, call: Call) -> int:
        """What the call says, or its task, which is the service's to hold, or what is usual."""
        if wanted.timeout_us is not None:
            return wanted.timeout_us
        return self._limits.timeout_us_max if call.timeout_us else self._limits.timeout_us

    async def _ask(self, wanted: McpCall, call: Call) -> Outcome:
        if isinstance(wanted.transport, Web):
            return await self._over_web(wanted, wanted.transport, call)
        if not self._rules.allowed:
            return failed(configuration_problem(_OFF))
        async with self._programs:
            return await self._of_program(wanted, wanted.transport, call)

    async def _over_web(self, wanted: McpCall, web: Web, call: Call) -> Outcome:
        try:
            access = self._outlet.authenticator.access(web.authentication, call.namespace)
            access.hidden.add(*call.hidden)
        except AuthenticationError as error:
            return failed(error.problem)
        transport = WebTransport(self._outlet, wanted, access=access, key=call.key, limits=self._limits)
        try:
            result = await ask(transport.streams(), wanted)
        except SessionError as error:
            return failed(self._cut(transport.problem or error.problem, access.hidden.in_errors()))
        outcome = self._outcome(result, wanted, access.hidden.in_errors())
        return mask_outcome(outcome, access.hidden.in_outputs())

    async def _of_program(self, wanted: McpCall, program: Program, call: Call) -> Outcome:
        transport = ProgramTransport(program, call, self._rules, self._limits)
        try:
            result = await ask(transport.streams(), wanted)
        except SessionError as error:
            return failed(self._cut(transport.problem or error.problem, call.hidden))
        return self._outcome(result, wanted, call.hidden)

    def _outcome(self, result: dict[str, object], wanted: McpCall, hidden: Iterable[str]) -> Outcome:
        return outcome_of(result, wanted, hidden, excerpt_bytes_max=self._limits.error_excerpt_bytes_max)

    def _cut(self, problem: Problem, hidden: Iterable[str]) -> Problem:
        """The problem with as much of a server's words as people read."""
        characters_max = _WORDS_MAX + self._limits.error_excerpt_bytes_max
        return replace(problem, detail=cut(problem.detail, characters_max, hidden))
