"""Kafka's murmur2: the hash that the Java client's default partitioner takes of a record's key."""

from typing import Final

_SEED: Final = 0x9747B28C
_MULTIPLIER: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """Hash to a signed 32-bit integer, as `org.apache.kafka.common.utils.Utils.murmur2` does."""
    length = len(data)
    tail = length & ~3
    state = _SEED ^ length
    for start in range(0, tail, 4):
        word = int.from_bytes(data[start : start + 4], "little") * _MULTIPLIER & _MASK
        word = (word ^ word >> 24) * _MULTIPLIER & _MASK
        state = state * _MULTIPLIER & _MASK ^ word
    if tail != length:
        state = (state ^ int.from_bytes(data[tail:], "little")) * _MULTIPLIER & _MASK
    state = (state ^ state >> 13) * _MULTIPLIER & _MASK
    state ^= state >> 15
    return state - (1 << 32) if state & 0x80000000 else state
