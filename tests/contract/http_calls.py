"""HTTP calls in tests: small limits, and what came of a call."""

import orjson

from tidemill.actions.adapters.http.action import HttpLimits
from tidemill.actions.adapters.http.auth.limits import TokenLimits
from tidemill.actions.core.model import ActionState, Outcome, Problem

TOKEN_LIMITS = TokenLimits(
    tokens_max=4,
    discoveries_max=4,
    timeout_us=5_000_000,
    answer_bytes_max=20_000,
    margin_us=30_000_000,
    lifetime_us=60_000_000,
    discovery_lifetime_us=600_000_000,
)
LIMITS = HttpLimits(
    connections_max=4,
    timeout_us=5_000_000,
    connect_timeout_us=2_000_000,
    response_bytes_max=10_000,
    error_excerpt_bytes_max=60,
    redirects_max=3,
    tokens=TOKEN_LIMITS,
)
KEY = "00000000-0190a000-0000-7000-8000-000000000001:/do/0/send%231"


def output(outcome: Outcome) -> object:
    assert outcome.state is ActionState.SUCCEEDED, outcome.error
    assert outcome.output is not None
    return orjson.loads(outcome.output)


def error(outcome: Outcome) -> Problem:
    assert outcome.state is ActionState.FAILED
    assert outcome.error is not None
    return outcome.error


def kind(problem: Problem) -> tuple[str, int]:
    return problem.type.rpartition("/")[2], problem.status
