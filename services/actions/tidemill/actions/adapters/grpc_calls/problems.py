"""Why a gRPC call has failed, as the DSL's standard errors."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from grpc import StatusCode

from tidemill.action_kit.errors import ERROR_TYPES
from tidemill.actions.core.model import Problem
from tidemill.actions.core.problems import (
    authorization_problem,
    communication_problem,
    configuration_problem,
    timeout_problem,
    validation_problem,
)

BAD_ANSWER: Final = 502
# As google.rpc.Code documents it.
_HTTP_STATUS: Final[Mapping[StatusCode, int]] = MappingProxyType(
    {
        StatusCode.CANCELLED: 499,
        StatusCode.UNKNOWN: 500,
        StatusCode.INVALID_ARGUMENT: 400,
        StatusCode.NOT_FOUND: 404,
        StatusCode.ALREADY_EXISTS: 409,
        StatusCode.RESOURCE_EXHAUSTED: 429,
        StatusCode.FAILED_PRECONDITION: 400,
        StatusCode.ABORTED: 409,
        StatusCode.OUT_OF_RANGE: 400,
        StatusCode.UNIMPLEMENTED: 501,
        StatusCode.INTERNAL: 500,
        StatusCode.UNAVAILABLE: 503,
        StatusCode.DATA_LOSS: 500,
    }
)


class GrpcError(Exception):
    """The call cannot be made, or has failed."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


class LastingError(GrpcError):
    """The text of a .proto file that nothing but another text mends."""

    def __init__(self, detail: str) -> None:
        super().__init__(configuration_problem(detail))


class StatusError(GrpcError):
    """The call has ended with a status other than OK."""

    def __init__(self, code: StatusCode, detail: str) -> None:
        super().__init__(_status_problem(code, detail))
        self.code = code


def invalid(detail: str) -> GrpcError:
    """Arguments that do not fit."""
    return GrpcError(validation_problem(detail))


def misconfigured(detail: str) -> GrpcError:
    """A call that cannot work as it is described."""
    return GrpcError(configuration_problem(detail))


def bad_answer(detail: str) -> GrpcError:
    """An answer that cannot be used."""
    return GrpcError(communication_problem(BAD_ANSWER, detail))


def _status_problem(code: StatusCode, detail: str) -> Problem:
    match code:
        case StatusCode.DEADLINE_EXCEEDED:
            return timeout_problem(detail)
        case StatusCode.UNAUTHENTICATED:
            return Problem(ERROR_TYPES + "authentication", 401, "Authentication Error", detail)
        case StatusCode.PERMISSION_DENIED:
            return authorization_problem(detail)
        case _:
            return communication_problem(_HTTP_STATUS.get(code, 500), detail)
