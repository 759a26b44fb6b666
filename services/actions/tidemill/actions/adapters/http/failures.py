"""What a request over HTTP that got no answer means."""

from typing import Final

import httpx

from tidemill.actions.core.model import Problem
from tidemill.actions.core.problems import (
    communication_problem,
    configuration_problem,
    timeout_problem,
    validation_problem,
)

UNREACHABLE: Final = 503
BAD_ANSWER: Final = 502


def failure_problem(error: Exception, detail: str) -> Problem:
    """The error of a request that failed with what httpx raised."""
    match error:
        case httpx.TimeoutException():
            return timeout_problem(detail)
        case httpx.ConnectError():
            return communication_problem(UNREACHABLE, detail)
        case httpx.UnsupportedProtocol() | httpx.InvalidURL():
            return configuration_problem(detail)
        case httpx.LocalProtocolError() | UnicodeError():
            return validation_problem(detail)
        case _:
            return communication_problem(BAD_ANSWER, detail)
