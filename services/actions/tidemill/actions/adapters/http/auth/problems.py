"""Why a call could not prove who it is: the refusals and failures of authentication, as typed errors."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from tidemill.action_kit.errors import ERROR_TYPES
from tidemill.actions.core.model import Problem
from tidemill.actions.core.problems import (
    communication_problem,
    configuration_problem,
    validation_problem,
)
from tidemill.actions.core.secrets import masked

BAD_ANSWER: Final = 502
UNREACHABLE: Final = 503
TIMED_OUT: Final = 504


class AuthenticationError(Exception):
    """The call cannot prove who it is: raised when the authentication is read, and by its `httpx.Auth`."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem

    def hide(self, texts: Iterable[str]) -> None:
        """Take the texts out of what it says."""
        self.problem = replace(self.problem, detail=masked(self.problem.detail, texts))
        self.args = (self.problem.detail,)


class RefusedError(AuthenticationError):
    """The provider of tokens has said no, or its token may not be used."""

    def __init__(self, detail: str) -> None:
        super().__init__(Problem(ERROR_TYPES + "authentication", 401, "Authentication Error", detail))


def invalid(detail: str) -> AuthenticationError:
    """A member of the authentication that has the wrong type."""
    return AuthenticationError(validation_problem(detail))


def misconfigured(detail: str) -> AuthenticationError:
    """An authentication that cannot work as it is described."""
    return AuthenticationError(configuration_problem(detail))


def failed_talk(status: int, detail: str) -> AuthenticationError:
    """The provider of tokens could not be reached, or gave an answer that is of no use."""
    return AuthenticationError(communication_problem(status, detail))
