"""MCP calls in tests: small limits, and an action to call."""

import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import orjson

from tests.contract.http_calls import KEY
from tests.contract.http_calls import LIMITS as HTTP_LIMITS
from tests.unit.actions.programs import LIMITS as PROCESS_LIMITS
from tests.unit.actions.samples import call
from tidemill.actions.adapters.http.action import HttpAction
from tidemill.actions.adapters.mcp.action import McpAction
from tidemill.actions.adapters.mcp.limits import McpLimits, ProgramRules
from tidemill.actions.core.model import Outcome

ROOT = Path(__file__).parents[2]
LIMITS = McpLimits(
    timeout_us=20_000_000,
    timeout_us_max=60_000_000,
    close_us=2_000_000,
    response_bytes_max=100_000,
    error_excerpt_bytes_max=120,
    programs_max=2,
)
RULES = ProgramRules(
    allowed=True, path="/usr/local/bin:/usr/bin:/bin", language="C.UTF-8", processes=PROCESS_LIMITS
)

Ask = Callable[..., Awaitable[Outcome]]


def asking(http: HttpAction, *, rules: ProgramRules = RULES, **limits: int) -> Ask:
    """Call the action with arguments by name; `hidden` are secrets that stand in them."""
    action = McpAction(http, replace(LIMITS, **limits), rules)

    async def ask(method: str = "tools/call", hidden: tuple[str, ...] = (), **arguments: object) -> Outcome:
        made = call(KEY, arguments=orjson.dumps({"method": method, **arguments}))
        return await action.run(replace(made, hidden=hidden))

    return ask


def http_action() -> HttpAction:
    """The connections that calls go over."""
    return HttpAction(HTTP_LIMITS)


def program(**environment: str) -> dict[str, object]:
    """The transport to the sample server as a program."""
    stdio = {
        "command": sys.executable,
        "arguments": ["-W", "ignore", "-m", "tests.contract.mcp_server"],
        "environment": {"PYTHONPATH": str(ROOT), **environment},
    }
    return {"stdio": stdio}


def tool(name: str, **arguments: object) -> dict[str, object]:
    """The parameters of a tool's call."""
    return {"name": name, "arguments": arguments}
