"""A gRPC server that refuses every call before it has let the client send what it asks for.

HTTP/2 allows that (RFC 9113, section 8.1). With a server of gRPC itself it comes about by chance alone; this
one, in HTTP/2's own frames, gives no room to send at all (section 6.9).
"""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

_PREFACE_BYTES: Final = 24
_FRAME_HEAD_BYTES: Final = 9
_HEADERS, _SETTINGS, _PING = 1, 4, 6
_ACKNOWLEDGED: Final = 1
_END_OF_STREAM: Final = 1
_END_OF_HEADERS: Final = 4
_INITIAL_WINDOW: Final = 4
# `:status 200` (RFC 7541, appendix A).
_OK: Final = b"\x88"


@asynccontextmanager
async def running_hasty(status: int) -> AsyncIterator[int]:
    """The server, which refuses with this status of gRPC; its port."""
    headers = _OK + _header(b"content-type", b"application/grpc")
    trailers = _header(b"grpc-status", b"%d" % status)

    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(_framed(_SETTINGS, 0, 0, struct.pack(">HI", _INITIAL_WINDOW, 0)))
        try:
            await reader.readexactly(_PREFACE_BYTES)
            while True:
                kind, flags, stream, body = await _frame(reader)
                if kind == _HEADERS:
                    writer.write(_framed(_HEADERS, _END_OF_HEADERS, stream, headers))
                    writer.write(_framed(_HEADERS, _END_OF_HEADERS | _END_OF_STREAM, stream, trailers))
                elif kind in (_SETTINGS, _PING) and not flags & _ACKNOWLEDGED:
                    writer.write(_framed(kind, _ACKNOWLEDGED, 0, body if kind == _PING else b""))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
    # A server that closes leaves its connections as they are.
    for writer in writers:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def _header(name: bytes, value: bytes) -> bytes:
    """As it stands, without a table (RFC 7541, section 6.2.2)."""
    return bytes([0, len(name)]) + name + bytes([len(value)]) + value


def _framed(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return struct.pack(">I", len(body))[1:] + struct.pack(">BBI", kind, flags, stream) + body


async def _frame(reader: asyncio.StreamReader) -> tuple[int, int, int, bytes]:
    head = await reader.readexactly(_FRAME_HEAD_BYTES)
    kind, flags, stream = struct.unpack(">BBI", head[3:])
    return kind, flags, stream, await reader.readexactly(int.from_bytes(head[:3], "big"))
