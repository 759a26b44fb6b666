"""Why a call over Kafka or a WebSocket has failed, as the DSL's standard errors."""

from typing import Final

from aiokafka import errors

from tidemill.action_kit.errors import ERROR_TYPES
from tidemill.actions.core.model import Problem
from tidemill.actions.core.problems import (
    authorization_problem,
    communication_problem,
    configuration_problem,
    timeout_problem,
    validation_problem,
)

UNREACHABLE: Final = 503
BAD_ANSWER: Final = 502
TOO_LARGE: Final = 413
GONE: Final = 410
UNKNOWN: Final = 404


class AsyncApiError(Exception):
    """The call cannot be made, or has failed."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def invalid(detail: str) -> AsyncApiError:
    """Arguments, or a message, that do not fit."""
    return AsyncApiError(validation_problem(detail))


def misconfigured(detail: str) -> AsyncApiError:
    """A call that cannot work as it is described."""
    return AsyncApiError(configuration_problem(detail))


def failed_with(status: int, detail: str) -> AsyncApiError:
    """What the other side did, or did not do."""
    return AsyncApiError(communication_problem(status, detail))


def unauthenticated(detail: str) -> Problem:
    """The other side does not believe who is calling."""
    return Problem(ERROR_TYPES + "authentication", 401, "Authentication Error", detail)


def problem_of(error: Exception, what: str) -> Problem:
    """The problem for what aiokafka raised; `what` says what was about to be done."""
    text = str(error) or type(error).__name__
    detail = f"{what}: {text}"
    match error:
        case (
            errors.AuthenticationFailedError()
            | errors.SaslAuthenticationFailed()
            | errors.AuthenticationMethodNotSupported()
            | errors.UnsupportedSaslMechanismError()
            | errors.IllegalSaslStateError()
        ):
            return unauthenticated(detail)
        case (
            errors.TopicAuthorizationFailedError()
            | errors.GroupAuthorizationFailedError()
            | errors.ClusterAuthorizationFailedError()
        ):
            return authorization_problem(detail)
        case errors.MessageSizeTooLargeError() | errors.RecordTooLargeError():
            return communication_problem(TOO_LARGE, detail)
        case errors.OffsetOutOfRangeError():
            return communication_problem(GONE, f"{what}: messages that were to come next are no longer kept")
        case errors.UnknownTopicOrPartitionError():
            return communication_problem(UNKNOWN, detail)
        case errors.KafkaTimeoutError() | errors.RequestTimedOutError() | TimeoutError():
            return timeout_problem(detail)
        case errors.KafkaConnectionError() | errors.KafkaUnavailableError() | OSError():
            return communication_problem(UNREACHABLE, detail)
        case _:
            return communication_problem(BAD_ANSWER, detail)
