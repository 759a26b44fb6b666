"""Lanes and the ids that route themselves: who is ordered with whom, on which shard, under which name."""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from tidemill.errors import InvalidRequestError, TooLargeError
from tidemill.murmur2 import murmur2

IDENTIFIER_BYTES_MAX: Final = 256
NAMESPACE_BYTES_MAX: Final = 63
# The root under which names become uuids; changing it would give every repeat a new identity.
_DERIVED_ROOT: Final = bytes.fromhex("5f1dc31e7a0c4a8e9b6d2f4d1a7c9e03")
ALL_TYPES: Final = "*"
_HASH_MASK: Final = 0x7FFFFFFF
_HASH_DIGITS: Final = 8
# `t-` and a uuid v7: its time, and that it is one.
_TIMED_REQUEST: Final = re.compile(r"t-([0-9a-f]{8}-[0-9a-f]{4})-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_EXECUTION_ID: Final = re.compile(
    r"[0-7][0-9a-f]{7}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
)


def subject_lane(namespace: str, subject: str) -> bytes:
    """The lane of a subject: `namespace 0x00 subject`. Raises for identifiers that are not allowed."""
    check_namespace(namespace)
    check_identifier("subject", subject)
    return b"%b\0%b" % (namespace.encode(), subject.encode())


def own_lane(namespace: str, unique: str) -> bytes:
    """The lane of an execution without a subject: `namespace 0x00 0x00 uuid`, which no subject can equal."""
    check_namespace(namespace)
    return b"%b\0\0%b" % (namespace.encode(), unique.encode())


def lane_of(namespace: str, subject: str, unique: str) -> bytes:
    """The lane of an execution: its subject's, or its own when it has none (an empty subject)."""
    return subject_lane(namespace, subject) if subject else own_lane(namespace, unique)


def correlation_lane(namespace: str, event_type: str) -> bytes:
    """The lane that hears all events of a type, whatever their subject; `*` stands for all types."""
    return _inner_lane(namespace, b"events", event_type)


def pace_lane(namespace: str, key: str) -> bytes:
    """The lane that gives slots under a key."""
    return _inner_lane(namespace, b"pace", key)


def trigger_lane(namespace: str, workflow: str) -> bytes:
    """The lane of a workflow's schedule."""
    return _inner_lane(namespace, b"trigger", workflow)


def _inner_lane(namespace: str, kind: bytes, name: str) -> bytes:
    # No uuid holds a NUL, so that no execution's own lane equals one of these.
    check_namespace(namespace)
    check_identifier("lane", name)
    return b"%b\0\0%b\0%b" % (namespace.encode(), kind, name.encode())


def lane_hash(lane: bytes) -> int:
    """The lane's 31-bit hash, taken once at ingress; everything downstream carries it."""
    return murmur2(lane) & _HASH_MASK


def shard_of(lane_hash_value: int, shards: int) -> int:
    """The shard of a hash: the partition that Kafka's default partitioner picks for the lane as key."""
    return lane_hash_value % shards


def shard_of_subject(namespace: str, subject: str, shards: int) -> int:
    """The shard of a subject's lane. Raises for identifiers that are not allowed."""
    return shard_of(lane_hash(subject_lane(namespace, subject)), shards)


def execution_id(lane_hash_value: int, unique: str) -> str:
    """The id `<8 hex of the lane's hash>-<uuid>`, which routes itself to its shard."""
    return f"{hash_digits(lane_hash_value)}-{unique}"


def hash_digits(lane_hash_value: int) -> str:
    """The 8 hexadecimal digits of a lane's hash."""
    return f"{lane_hash_value:08x}"


def hash_digits_of(identifier: str) -> str:
    """The same as an execution's id has them, whether or not it is such an id."""
    return identifier[:_HASH_DIGITS]


def is_execution_id(text: str) -> bool:
    """Whether a text has the form of an execution id."""
    return _EXECUTION_ID.fullmatch(text) is not None


def hash_of_execution_id(identifier: str) -> int:
    """The lane's hash inside an execution id; raises InvalidRequestError when it is not such an id."""
    if not is_execution_id(identifier):
        raise InvalidRequestError("execution_id", f"not an execution id: {identifier[:80]!r}")
    return int(hash_digits_of(identifier), 16)


def derived_uuid(fields: Sequence[str]) -> str:
    """The uuid v5 of the fields in their order: the same fields always find the same execution.

    Each field is written with its length before it, so that no two lists of fields share their bytes.
    """
    digest = hashlib.sha1(_DERIVED_ROOT, usedforsecurity=False)
    for field in fields:
        encoded = field.encode()
        digest.update(len(encoded).to_bytes(4, "big"))
        digest.update(encoded)
    octets = bytearray(digest.digest()[:16])
    octets[6] = octets[6] & 0x0F | 0x50
    octets[8] = octets[8] & 0x3F | 0x80
    text = octets.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def requested_uuid(about: Sequence[str], request_id: str) -> str:
    """The uuid that a repeat of the request finds: a v5 of what it is about and its id.

    For a request id `t-<uuid v7>`, as clients make it, a v8 that begins with the time of that uuid instead:
    executions that begin together lie side by side in the tables of stores.
    """
    derived = derived_uuid((*about, request_id))
    timed = _TIMED_REQUEST.fullmatch(request_id)
    return derived if timed is None else f"{timed[1]}-8{derived[15:]}"


def check_namespace(namespace: str) -> None:
    """Refuse a namespace that is empty, too long, or not storable."""
    if not namespace:
        raise InvalidRequestError("namespace", "namespace is missing")
    check_identifier("namespace", namespace, bytes_max=NAMESPACE_BYTES_MAX)


def check_identifier(field: str, value: str, *, bytes_max: int = IDENTIFIER_BYTES_MAX) -> None:
    """Refuse an identifier with NUL or unpaired surrogates, or longer than `bytes_max` in UTF-8."""
    if "\0" in value:
        raise InvalidRequestError(field, f"{field} holds the character NUL")
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise InvalidRequestError(field, f"{field} holds an unpaired surrogate") from None
    if size > bytes_max:
        raise TooLargeError(f"{field}_bytes_max", limit_value=bytes_max, actual=size)
