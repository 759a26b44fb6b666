"""Ids of executions as the embedded store keeps them: 20 bytes, the lane's hash and the uuid."""


def pack_id(execution_id: str) -> bytes:
    """An execution id as 20 bytes; raises ValueError for what is none. The empty id is empty."""
    return bytes.fromhex(execution_id.replace("-", ""))


def unpack_id(packed: bytes) -> str:
    """An execution id out of its 20 bytes; the empty one out of none."""
    if not packed:
        return ""
    text = packed.hex()
    return f"{text[:8]}-{text[8:16]}-{text[16:20]}-{text[20:24]}-{text[24:28]}-{text[28:]}"
