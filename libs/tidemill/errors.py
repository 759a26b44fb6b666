"""The typed error of every service and client: a reason, a sentence, and what varies in the sentence."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.rpc import code_pb2

from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.api.errors.v1.error_reason_pb2 import ErrorReason
from tidemill.api.errors.v1.item_error_pb2 import ItemError

ERROR_DOMAIN: Final = "tidemill"
_REASON_PREFIX: Final = "ERROR_REASON_"

# The canonical status of each reason; the comments of error_reason.proto say the same in words.
CODE_OF_REASON: Final[Mapping[int, int]] = MappingProxyType(
    {
        reasons.ERROR_REASON_UNSPECIFIED: code_pb2.UNKNOWN,
        reasons.ERROR_REASON_INVALID_REQUEST: code_pb2.INVALID_ARGUMENT,
        reasons.ERROR_REASON_INVALID_DOCUMENT: code_pb2.INVALID_ARGUMENT,
        reasons.ERROR_REASON_UNSUPPORTED_FEATURE: code_pb2.UNIMPLEMENTED,
        reasons.ERROR_REASON_INVALID_PAYLOAD: code_pb2.INVALID_ARGUMENT,
        reasons.ERROR_REASON_TOO_LARGE: code_pb2.INVALID_ARGUMENT,
        reasons.ERROR_REASON_DEFINITION_NOT_FOUND: code_pb2.NOT_FOUND,
        reasons.ERROR_REASON_DEFINITION_CONFLICT: code_pb2.ALREADY_EXISTS,
        reasons.ERROR_REASON_EXECUTION_NOT_FOUND: code_pb2.NOT_FOUND,
        reasons.ERROR_REASON_REQUEST_ID_CONFLICT: code_pb2.ALREADY_EXISTS,
        reasons.ERROR_REASON_PHASE_CONFLICT: code_pb2.FAILED_PRECONDITION,
        reasons.ERROR_REASON_SEQUENCE_CONFLICT: code_pb2.ABORTED,
        reasons.ERROR_REASON_OVERLOADED: code_pb2.RESOURCE_EXHAUSTED,
        reasons.ERROR_REASON_STORAGE_UNAVAILABLE: code_pb2.UNAVAILABLE,
        reasons.ERROR_REASON_NOT_READY: code_pb2.UNAVAILABLE,
        reasons.ERROR_REASON_WAIT_EXPIRED: code_pb2.DEADLINE_EXCEEDED,
        reasons.ERROR_REASON_NOT_FOUND: code_pb2.NOT_FOUND,
        reasons.ERROR_REASON_NOT_OWNER: code_pb2.FAILED_PRECONDITION,
        reasons.ERROR_REASON_INTERNAL: code_pb2.INTERNAL,
        reasons.ERROR_REASON_REENTRY_REFUSED: code_pb2.FAILED_PRECONDITION,
        reasons.ERROR_REASON_DOCUMENT_UNAVAILABLE: code_pb2.FAILED_PRECONDITION,
        reasons.ERROR_REASON_BLOB_UNREADABLE: code_pb2.DATA_LOSS,
    }
)


class TidemillError(Exception):
    """Something that a caller may act on.

    `metadata` holds whatever varies in `message`; `retry_delay_us` says when to try again, where that helps.
    """

    def __init__(
        self,
        reason: ErrorReason.ValueType,
        message: str,
        metadata: Mapping[str, str] | None = None,
        *,
        retry_delay_us: int | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})
        self.retry_delay_us = retry_delay_us

    @property
    def reason_name(self) -> str:
        """The reason as `ErrorInfo.reason` and people write it: `PHASE_CONFLICT`."""
        return reason_name(self.reason)

    @property
    def code(self) -> int:
        """The canonical status code (the numbers of google.rpc.Code and gRPC)."""
        return CODE_OF_REASON.get(self.reason, code_pb2.UNKNOWN)


class InvalidRequestError(TidemillError):
    """A field of a request is missing or malformed."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(reasons.ERROR_REASON_INVALID_REQUEST, message, {"field": field})


class TooLargeError(TidemillError):
    """Something is over its named limit; `limit` carries its unit, as in `payload_bytes_max`."""

    def __init__(self, limit: str, *, limit_value: int, actual: int) -> None:
        super().__init__(
            reasons.ERROR_REASON_TOO_LARGE,
            f"too large: {actual}, where the limit {limit} is {limit_value}",
            {"limit": limit, "limit_value": str(limit_value), "actual": str(actual)},
        )


class OverloadedError(TidemillError):
    """A queue is full; nothing was accepted, and the caller may come again after the delay."""

    def __init__(self, limit: str, *, limit_value: int, retry_delay_us: int) -> None:
        super().__init__(
            reasons.ERROR_REASON_OVERLOADED,
            f"the limit {limit} of {limit_value} is reached, try again later",
            {"limit": limit, "limit_value": str(limit_value)},
            retry_delay_us=retry_delay_us,
        )


def reason_name(reason: ErrorReason.ValueType) -> str:
    """Name a reason without the enum's prefix; a reason of a newer release is named by its number."""
    if reason not in ErrorReason.values():
        return f"REASON_{reason}"
    return ErrorReason.Name(reason).removeprefix(_REASON_PREFIX)


def reason_of_name(name: str) -> ErrorReason.ValueType:
    """Find the reason of a name; one that this release does not know is UNSPECIFIED."""
    full_name = _REASON_PREFIX + name
    if full_name not in ErrorReason.keys():  # noqa: SIM118 - an enum wrapper is no dict
        return reasons.ERROR_REASON_UNSPECIFIED
    return ErrorReason.Value(full_name)


def to_item_error(error: TidemillError) -> ItemError:
    """Say in a batch's answer why one of its items was refused."""
    item = ItemError(code=error.code, message=error.message, reason=error.reason, metadata=error.metadata)
    if error.retry_delay_us is not None:
        item.retry_delay.CopyFrom(duration_of_us(error.retry_delay_us))
    return item


def from_item_error(item: ItemError) -> TidemillError:
    """Get the error of a refused item back."""
    delay_us = us_of_duration(item.retry_delay) if item.HasField("retry_delay") else None
    return TidemillError(item.reason, item.message, item.metadata, retry_delay_us=delay_us)


def duration_of_us(duration_us: int) -> Duration:
    """Microseconds as a protobuf Duration."""
    return Duration(seconds=duration_us // 1_000_000, nanos=duration_us % 1_000_000 * 1000)


def us_of_duration(duration: Duration) -> int:
    """A protobuf Duration in whole microseconds, rounded down."""
    return duration.seconds * 1_000_000 + duration.nanos // 1000
