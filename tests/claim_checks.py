"""Claim checks for tests of parts that seldom need one."""

from tidemill.blobs.claim_check import ClaimCheck
from tidemill.blobs.memory import MemoryBlobs


def in_memory(bytes_max: int = 65_536) -> ClaimCheck:
    """One of its own, with nothing left in it."""
    return ClaimCheck(MemoryBlobs(), bytes_max=bytes_max)
