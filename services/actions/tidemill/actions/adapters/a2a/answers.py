"""Answers of agents: the result of a JSON-RPC response, and the errors in the place of one."""

from collections.abc import Iterable, Mapping
from typing import Final

from tidemill.actions.core.model import Problem
from tidemill.actions.core.problems import communication_problem
from tidemill.actions.core.secrets import cut
from tidemill.json import Json, JsonError, loads

_REFUSED: Final = 500
_BAD_ANSWER: Final = 502
# Their result is null, and the official SDK leaves a null out.
_OF_NO_RESULT: Final = ("tasks/pushNotificationConfig/delete",)


class AnswerError(Exception):
    """There is no result."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def result_of(data: bytes, method: str, hidden: Iterable[str], *, excerpt_bytes_max: int) -> Json:
    """The result of a response. Raises AnswerError with the agent's own error, or for what is no response."""
    try:
        answer = loads(data, field="the answer")
    except JsonError as error:
        raise _malformed(method, error.message) from None
    if not isinstance(answer, dict) or answer.get("jsonrpc") != "2.0":
        raise _malformed(method, "the answer is no response of JSON-RPC 2.0")
    problem = rpc_problem(answer, method, hidden, excerpt_bytes_max=excerpt_bytes_max)
    if problem is not None:
        raise AnswerError(problem)
    if "result" not in answer and method not in _OF_NO_RESULT:
        raise _malformed(method, "the response has neither a result nor an error")
    return answer.get("result")


def rpc_problem(
    answer: Mapping[str, Json], method: str, hidden: Iterable[str], *, excerpt_bytes_max: int
) -> Problem | None:
    """The error of a response that has one."""
    error = answer.get("error")
    if not isinstance(error, dict):
        return None
    message = cut(str(error.get("message")), excerpt_bytes_max, hidden)
    detail = f"{method} was answered with the error {error.get('code')!s:.20}: {message}"
    return communication_problem(_REFUSED, detail)


def error_in(data: bytes, method: str, hidden: Iterable[str], *, excerpt_bytes_max: int) -> Problem | None:
    """The agent's own error in the body of an answer with a bad status, where there is one."""
    try:
        answer = loads(data)
    except JsonError:
        return None
    if not isinstance(answer, dict):
        return None
    return rpc_problem(answer, method, hidden, excerpt_bytes_max=excerpt_bytes_max)


def is_last(result: Json) -> bool:
    """Whether no event follows: some agents leave their streams open after the one that says so."""
    if not isinstance(result, dict):
        return False
    return result.get("final") is True or result.get("kind") == "message"


def _malformed(method: str, reason: str) -> AnswerError:
    return AnswerError(communication_problem(_BAD_ANSWER, f"{method}: {reason}"))
