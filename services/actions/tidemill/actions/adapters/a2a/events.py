"""Server-sent events: the data of each, out of bytes that come in pieces."""

from typing import Final

_LINE_BREAKS: Final = (b"\r\n", b"\r")


class Events:
    """Takes the bytes of a stream as they come. A line ends with CR, LF or both, and nothing else."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def take(self, piece: bytes) -> list[bytes]:
        """The data of the events that are complete now."""
        text = self._rest + piece
        # Half of a line break may be all that has come of it.
        held = text[-1:] if text.endswith(b"\r") else b""
        text = text[: len(text) - len(held)]
        for line_break in _LINE_BREAKS:
            text = text.replace(line_break, b"\n")
        *lines, rest = text.split(b"\n")
        self._rest = rest + held
        return [data for line in lines if (data := self._line(line)) is not None]

    def _line(self, line: bytes) -> bytes | None:
        if not line:
            data, self._data = self._data, []
            return b"\n".join(data) if data else None
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
        return None
