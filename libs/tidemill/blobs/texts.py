"""Where JSON texts stand in the messages of the contracts, found by their fields' names."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, TypeAlias

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

# Payloads, and the values of snapshots.
_TEXT: Final = "data"
_TEXTS: Final = "values"
# Events and what they are correlated by: small by their own limits, and read wherever an execution is folded.
_LEFT_ALONE: Final = frozenset({"event", "correlations", "expected"})
# A text, and what puts another one into its place.
Place: TypeAlias = tuple[bytes, Callable[[bytes], None]]


def texts_of(message: Message) -> Iterator[Place]:
    """Every JSON text in a message that may be large, with its place."""
    for field, held in message.ListFields():
        if field.name not in _LEFT_ALONE:
            yield from _texts_in(message, field, held)


def _texts_in(message: Message, field: FieldDescriptor, held: Any) -> Iterator[Place]:  # noqa: ANN401
    if field.message_type is not None:
        if field.message_type.GetOptions().map_entry:
            return
        for inner in held if field.is_repeated else (held,):
            yield from texts_of(inner)
    elif field.type != FieldDescriptor.TYPE_BYTES:
        return
    elif field.is_repeated and field.name == _TEXTS:
        for index, text in enumerate(held):
            yield text, partial(held.__setitem__, index)
    elif not field.is_repeated and field.name == _TEXT:
        yield held, partial(setattr, message, field.name)
