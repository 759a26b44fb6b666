"""Typed errors across the wire: TidemillError to a status with google.rpc details, and back."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final, cast

import grpc
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.api.errors.v1.error_reason_pb2 import ErrorReason
from tidemill.errors import (
    ERROR_DOMAIN,
    TidemillError,
    duration_of_us,
    reason_of_name,
    us_of_duration,
)

# What a status without ErrorInfo means: it was made by gRPC itself or by a server that is not ours.
_REASON_OF_CODE: Final[Mapping[grpc.StatusCode, ErrorReason.ValueType]] = MappingProxyType(
    {
        grpc.StatusCode.INVALID_ARGUMENT: reasons.ERROR_REASON_INVALID_REQUEST,
        grpc.StatusCode.NOT_FOUND: reasons.ERROR_REASON_NOT_FOUND,
        grpc.StatusCode.UNIMPLEMENTED: reasons.ERROR_REASON_UNSUPPORTED_FEATURE,
        # gRPC's own answer to a message over the limit of size.
        grpc.StatusCode.RESOURCE_EXHAUSTED: reasons.ERROR_REASON_TOO_LARGE,
        grpc.StatusCode.UNAVAILABLE: reasons.ERROR_REASON_NOT_READY,
        grpc.StatusCode.DEADLINE_EXCEEDED: reasons.ERROR_REASON_WAIT_EXPIRED,
        grpc.StatusCode.INTERNAL: reasons.ERROR_REASON_INTERNAL,
    }
)


# Trailers hold the message twice, and base64 and percent-encoding make it grow up to threefold: 8 KiB in all.
MESSAGE_BYTES_MAX: Final = 1200
METADATA_BYTES_MAX: Final = 300


def to_status(error: TidemillError) -> grpc.Status:
    """The status that carries the error: its code, ErrorInfo, and RetryInfo where a retry helps.

    Texts are cut to what fits into the trailers of a response, which gRPC bounds for the whole of them.
    """
    status = Status(code=error.code, message=_cut(error.message, MESSAGE_BYTES_MAX))
    metadata = {name: _cut(value, METADATA_BYTES_MAX) for name, value in error.metadata.items()}
    info = ErrorInfo(reason=error.reason_name, domain=ERROR_DOMAIN, metadata=metadata)
    status.details.add().Pack(info)
    if error.retry_delay_us is not None:
        status.details.add().Pack(RetryInfo(retry_delay=duration_of_us(error.retry_delay_us)))
    return rpc_status.to_status(status)


def from_rpc_error(error: grpc.aio.AioRpcError) -> TidemillError:
    """Get the typed error of a failed call back.

    A failure that no Tidemill service made has the nearest reason, and `grpc_code` in its metadata: whether
    the request was carried out is then not known.
    """
    status = _status_of(error)
    info = ErrorInfo()
    if status is None or not any(detail.Unpack(info) for detail in status.details):
        return _foreign_error(error)
    return TidemillError(
        reason_of_name(info.reason), status.message, info.metadata, retry_delay_us=_retry_delay_us(status)
    )


@contextmanager
def typed_errors() -> Iterator[None]:
    """Raise TidemillError where the calls inside the block raise AioRpcError."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error


def _status_of(error: grpc.aio.AioRpcError) -> Status | None:
    try:
        status: Status | None = rpc_status.from_call(cast(grpc.Call, error))  # it reads a call's end alone
    except ValueError:  # the details contradict the code: somebody between us has rewritten it
        return None
    return status


def _retry_delay_us(status: Status) -> int | None:
    retry = RetryInfo()
    found = any(detail.Unpack(retry) for detail in status.details)
    return us_of_duration(retry.retry_delay) if found else None


def _foreign_error(error: grpc.aio.AioRpcError) -> TidemillError:
    reason = _REASON_OF_CODE.get(error.code(), reasons.ERROR_REASON_UNSPECIFIED)
    return TidemillError(reason, error.details() or error.code().name, {"grpc_code": error.code().name})


def _cut(text: str, bytes_max: int) -> str:
    encoded = text.encode()
    if len(encoded) <= bytes_max:
        return text
    kept = encoded[:bytes_max].decode(errors="ignore")
    return f"{kept}… ({len(text) - len(kept)} more characters)"
