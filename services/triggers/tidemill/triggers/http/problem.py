"""Errors as RFC 9457 problem details, with the status that HTTP has for them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from google.rpc import code_pb2
from starlette.responses import Response

from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.errors import TidemillError
from tidemill.json import Json, dumps

PROBLEM_TYPE: Final = "application/problem+json"
INTERNAL_STATUS: Final = 500
_STATUS_OF_CODE: Final[Mapping[int, int]] = MappingProxyType(
    {
        code_pb2.INVALID_ARGUMENT: 400,
        code_pb2.FAILED_PRECONDITION: 409,
        code_pb2.NOT_FOUND: 404,
        code_pb2.ALREADY_EXISTS: 409,
        code_pb2.ABORTED: 409,
        code_pb2.RESOURCE_EXHAUSTED: 429,
        code_pb2.UNIMPLEMENTED: 501,
        code_pb2.UNAVAILABLE: 503,
        code_pb2.DEADLINE_EXCEEDED: 503,
    }
)
_TOO_LARGE_STATUS: Final = 413


class RefusedRequestError(Exception):
    """A request that is refused before its events are looked at."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def status_of(error: TidemillError) -> int:
    """The HTTP status of an error."""
    if error.reason == reasons.ERROR_REASON_TOO_LARGE:
        return _TOO_LARGE_STATUS
    return _STATUS_OF_CODE.get(error.code, INTERNAL_STATUS)


def error_body(error: TidemillError) -> dict[str, Json]:
    """An error as part of an answer: what gRPC callers get in ErrorInfo."""
    body: dict[str, Json] = {"reason": error.reason_name, "detail": error.message}
    if error.metadata:
        body["metadata"] = dict(error.metadata)
    return body


def problem_response(
    status: int, members: Mapping[str, Json], *, retry_delay_us: int | None = None
) -> Response:
    """An answer with problem details; `retry_delay_us` becomes Retry-After, in whole seconds, rounded up."""
    headers = {}
    if retry_delay_us is not None:
        headers["Retry-After"] = str(max(1, -(-retry_delay_us // 1_000_000)))
    body = dumps({"type": "about:blank", "title": _TITLES.get(status, "Error"), "status": status, **members})
    return Response(body, status, headers, media_type=PROBLEM_TYPE)


def error_response(error: TidemillError, members: Mapping[str, Json] | None = None) -> Response:
    """The answer for an error of the whole request."""
    body = {**error_body(error), **(members or {})}
    return problem_response(status_of(error), body, retry_delay_us=error.retry_delay_us)


_TITLES: Final[Mapping[int, str]] = MappingProxyType(
    {
        400: "Bad Request",
        404: "Not Found",
        405: "Method Not Allowed",
        408: "Request Timeout",
        409: "Conflict",
        413: "Content Too Large",
        415: "Unsupported Media Type",
        429: "Too Many Requests",
        500: "Internal Server Error",
        501: "Not Implemented",
        503: "Service Unavailable",
    }
)
