"""The limits of MCP calls, and what servers that are programs may have of this machine."""

import sys
from dataclasses import dataclass
from typing import Final

from tidemill.actions.adapters.processes.limits import ProcessLimits
from tidemill.errors import InvalidRequestError

STDIO_VARIABLE: Final = "TIDEMILL_ACTIONS_MCP_STDIO"


@dataclass(frozen=True, slots=True, kw_only=True)
class McpLimits:
    """Limits of MCP calls, each with its unit."""

    # For a call whose task says nothing of the time; and for all others.
    timeout_us: int
    timeout_us_max: int
    # How long a server may take to end a session, or to end once its input is closed.
    close_us: int
    response_bytes_max: int
    error_excerpt_bytes_max: int
    programs_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramRules:
    """Whether servers may be programs of this machine, and what these see and take of it."""

    allowed: bool
    path: str
    language: str
    processes: ProcessLimits
    # Where each gets a folder of its own; empty for the system's temporary folder.
    folder: str = ""

    def __post_init__(self) -> None:
        if self.allowed and sys.platform != "linux":
            message = f"{STDIO_VARIABLE}: only Linux can hold all that a program starts"
            raise InvalidRequestError(STDIO_VARIABLE, message)
