"""Ids of executions as the stores keep them: 20 bytes, the lane's hash and the uuid."""

from typing import Final

_UUID_AT: Final = 4


def pack_id(execution_id: str) -> bytes:
    """An execution id as 20 bytes; raises ValueError for what is none. The empty id is empty."""
    return bytes.fromhex(execution_id.replace("-", ""))


def unpack_id(packed: bytes) -> str:
    """An execution id out of its 20 bytes; the empty one out of none."""
    if not packed:
        return ""
    text = packed.hex()
    return f"{text[:8]}-{text[8:16]}-{text[16:20]}-{text[20:24]}-{text[24:28]}-{text[28:]}"


def pack_by_time(execution_id: str) -> bytes:
    """An execution id as 20 bytes with the uuid first, and so, in most, the time at which it began."""
    return uuid_first(pack_id(execution_id))


def uuid_first(packed: bytes) -> bytes:
    """What `pack_id` has made, as `pack_by_time` would have."""
    return packed[_UUID_AT:] + packed[:_UUID_AT]


def unpack_by_time(packed: bytes) -> str:
    """An execution id out of what `pack_by_time` has made of it; the empty one out of none."""
    return unpack_id(packed[-_UUID_AT:] + packed[:-_UUID_AT])
