"""The DSL's standard errors, as actions answer with them."""

from typing import Final

from tidemill.action_kit.errors import ERROR_TYPES, ActionError
from tidemill.actions.core.model import ActionState, Outcome, Problem

COMMUNICATION_ERROR: Final = ERROR_TYPES + "communication"


def failed(problem: Problem) -> Outcome:
    """The outcome of an attempt that ended with the error."""
    return Outcome(ActionState.FAILED, error=problem)


def configuration_problem(detail: str) -> Problem:
    """Wrong settings or parameters of the call itself."""
    return Problem(ERROR_TYPES + "configuration", 400, "Configuration Error", detail)


def authorization_problem(detail: str) -> Problem:
    """What the call needs is not there for it, or not allowed."""
    return Problem(ERROR_TYPES + "authorization", 403, "Authorization Error", detail)


def validation_problem(detail: str) -> Problem:
    """Arguments or an output that do not follow their schema."""
    return Problem(ERROR_TYPES + "validation", 400, "Validation Error", detail)


def communication_problem(status: int, detail: str, title: str = "Communication Error") -> Problem:
    """The outside could not be reached, or answered with an error."""
    return Problem(COMMUNICATION_ERROR, status, title, detail)


def timeout_problem(detail: str) -> Problem:
    """The call took longer than it may."""
    return Problem(ERROR_TYPES + "timeout", 408, "Timeout Error", detail)


def runtime_problem(detail: str) -> Problem:
    """The action itself went wrong."""
    return Problem(ERROR_TYPES + "runtime", 500, "Runtime Error", detail)


def problem_of(error: ActionError) -> Problem:
    """The problem that an author's error stands for."""
    return Problem(error.type, error.status, error.title, error.detail)


def unknown_outcome(detail: str) -> Outcome:
    """The outcome of an at-most-once call that may or may not have taken effect."""
    return Outcome(ActionState.UNKNOWN, error=runtime_problem(detail))


LOST: Final = unknown_outcome("the call was under way when its process ended, and is not made a second time")
