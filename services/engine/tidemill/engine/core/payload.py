"""A JSON value that is parsed and encoded only when somebody asks."""

from typing import Final

from tidemill.json import Json, dumps, loads


class _Absent:
    """The mark of a form that nobody has asked for yet; no JSON value equals it."""

    __slots__ = ()


_ABSENT: Final = _Absent()


class Payload:
    """A JSON value, its UTF-8 bytes, or both: each form is made from the other on first use, and kept.

    Never changed after it was made: whoever wants another value makes another payload.
    """

    __slots__ = ("_data", "_value")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, data: bytes | None, value: "Json | _Absent") -> None:
        self._data = data
        self._value = value

    @staticmethod
    def of(value: Json) -> "Payload":
        """Hold a value; it belongs to the payload from now on."""
        return Payload(None, value)

    @staticmethod
    def encoded(data: bytes) -> "Payload":
        """Hold bytes that are taken for JSON until somebody asks for the value."""
        return Payload(data, _ABSENT)

    @property
    def value(self) -> Json:
        """The value; not to be changed. Raises JsonError when the bytes are not JSON."""
        value = self._value
        if isinstance(value, _Absent):
            assert self._data is not None
            value = self._value = loads(self._data)
        return value

    @property
    def data(self) -> bytes:
        """The bytes. Raises JsonError when the value cannot be written."""
        data = self._data
        if data is None:
            assert not isinstance(self._value, _Absent)
            data = self._data = dumps(self._value)
        return data

    def is_of(self, value: Json) -> bool:
        """Whether this is a payload of this very value."""
        return self._value is value

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Payload):
            return NotImplemented
        return (self._data is not None and self._data == other._data) or self.value == other.value

    def __repr__(self) -> str:
        return f"Payload({self.data.decode()})"


EMPTY_OBJECT: Final = Payload.encoded(b"{}")
NULL: Final = Payload.encoded(b"null")
