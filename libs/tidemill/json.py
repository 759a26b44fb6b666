"""JSON in and out: orjson, with the checks that make a payload safe to store and to calculate with."""

import json as exact_json
import math
from collections.abc import Iterable
from typing import Final, TypeAlias

import orjson

from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.errors import TidemillError

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

INTEGER_MIN: Final = -(2**63)
INTEGER_MAX: Final = 2**64 - 1
# What orjson can write; it would read deeper, and so let in what can never be stored.
NESTING_MAX: Final = 250
# No integer of fewer digits leaves the range, so that only a run this long needs the exact look.
_SUSPICIOUS_DIGITS: Final = b"0" * 19
_DIGITS_TO_ZERO: Final = bytes(ord("0") if chr(byte).isdigit() and byte < 128 else 0 for byte in range(256))


class JsonError(TidemillError):
    """A payload that is not JSON, or that holds what payloads may not hold."""

    def __init__(self, message: str, *, field: str = "payload") -> None:
        super().__init__(reasons.ERROR_REASON_INVALID_PAYLOAD, f"{field}: {message}", {"field": field})


def loads(data: bytes | str, *, field: str = "payload") -> Json:
    """Read JSON; `field` names the payload in errors.

    Raises JsonError for malformed text, NUL, unpaired surrogates, NaN, infinities, and integers outside
    int64/uint64 (which orjson alone would turn into floats without a word).
    """
    try:
        raw = data.encode() if isinstance(data, str) else data
        value: Json = orjson.loads(raw)
    except (orjson.JSONDecodeError, UnicodeEncodeError) as error:
        raise JsonError(str(error), field=field) from None
    if _SUSPICIOUS_DIGITS in raw.translate(_DIGITS_TO_ZERO):
        _refuse_wide_integers(raw, field=field)
    if len(raw) > NESTING_MAX:
        _refuse_depth(raw, value, field=field)
    if b"\\u0000" in raw and _holds_nul(value):
        raise JsonError("the character NUL is not allowed", field=field)
    return value


def dumps(value: Json, *, field: str = "payload") -> bytes:
    """Write JSON; raises JsonError for what `loads` would refuse (a NUL excepted, which costs a walk)."""
    return _dumps(value, 0, field)


def dumps_canonical(value: Json, *, field: str = "payload") -> bytes:
    """Write JSON with sorted keys, for digests: equal values give equal bytes."""
    return _dumps(value, orjson.OPT_SORT_KEYS, field)


def _dumps(value: Json, options: int, field: str) -> bytes:
    try:
        data = orjson.dumps(value, option=options)
    except orjson.JSONEncodeError as error:
        raise JsonError(str(error), field=field) from None
    # orjson writes NaN and infinities as null: only where a null was written can there be one.
    if b"null" in data and _holds_non_finite(value):
        raise JsonError("NaN and infinities are not JSON", field=field)
    # orjson writes some levels more than may be read.
    if len(data) > NESTING_MAX:
        _refuse_depth(data, value, field=field)
    # What orjson gives holds on to the 4 KiB that it was written into, however short it is.
    return memoryview(data).tobytes()


def _refuse_depth(raw: bytes, value: Json, *, field: str) -> None:
    if raw.count(b"[") + raw.count(b"{") > NESTING_MAX and _nests_deeper(value, NESTING_MAX):
        raise JsonError(f"it nests deeper than {NESTING_MAX} levels", field=field)


def _refuse_wide_integers(raw: bytes, *, field: str) -> None:
    def check(digits: str) -> int:
        # Python refuses to convert thousands of digits, and none of these can be in range.
        if len(digits) > len(str(INTEGER_MIN)) or not INTEGER_MIN <= int(digits) <= INTEGER_MAX:
            raise JsonError("an integer is outside the range of int64 and uint64", field=field)
        return 0

    exact_json.loads(raw, parse_int=check)


def _nests_deeper(value: Json, levels: int) -> bool:
    """Level by level, since recursion would not survive what this looks for."""
    containers = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        inner = (child for holder in containers for child in _members(holder))
        containers = [child for child in inner if isinstance(child, dict | list)]
        if not containers:
            return False
    return True


def _members(holder: Json) -> Iterable[Json]:
    if isinstance(holder, dict):
        return holder.values()
    return holder if isinstance(holder, list) else ()


def _holds_nul(value: Json) -> bool:
    match value:
        case str():
            return "\0" in value
        case list():
            return any(_holds_nul(item) for item in value)
        case dict():
            return any("\0" in key or _holds_nul(item) for key, item in value.items())
        case _:
            return False


def _holds_non_finite(value: Json) -> bool:
    match value:
        case float():
            return not math.isfinite(value)
        case list():
            return any(_holds_non_finite(item) for item in value)
        case dict():
            return any(_holds_non_finite(item) for item in value.values())
        case _:
            return False
