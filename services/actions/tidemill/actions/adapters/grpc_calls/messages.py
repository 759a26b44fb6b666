"""Messages as JSON, and JSON as messages: the JSON mapping of protocol buffers.

Integers of 64 bits are strings in it, in the answers; arguments may be numbers too.
"""

from collections.abc import Iterable, Mapping
from typing import Final, cast

from google.protobuf import json_format
from google.protobuf.message import DecodeError, EncodeError

from tidemill.actions.adapters.grpc_calls.problems import bad_answer, invalid
from tidemill.actions.adapters.grpc_calls.schemas import Method
from tidemill.json import Json, JsonError, dumps, loads

# What the library raises for values that do not fit, beside its own error.
_MISFITS: Final = (ValueError, TypeError, AttributeError, KeyError, RecursionError, OverflowError)
_OVERHEAD: Final = 2


def encode(arguments: Mapping[str, Json], method: Method) -> bytes:
    """The message of the arguments. Raises GrpcError, for a member that the message does not have too."""
    message = method.request()
    try:
        json_format.ParseDict(dict(arguments), message, descriptor_pool=method.pool)
        return message.SerializeToString()
    except (json_format.Error, EncodeError, *_MISFITS) as error:
        name = method.request.DESCRIPTOR.full_name
        raise invalid(f"with.arguments is no {name}: {error}") from None


def decode(answers: Iterable[bytes], method: Method, *, bytes_max: int) -> bytes:
    """The JSON of the answer, which is an array where the method streams. Raises GrpcError."""
    name = method.response.DESCRIPTOR.full_name
    values: list[Json] = []
    left = bytes_max
    for data in answers:
        try:
            message = method.response.FromString(data)
            value = cast("Json", json_format.MessageToDict(message, descriptor_pool=method.pool))
        except DecodeError:
            raise bad_answer(f"the answer is no {name}") from None
        except (json_format.Error, *_MISFITS) as error:
            raise bad_answer(f"the answer cannot be written as JSON: {error}") from None
        left -= _size(value, left)
        if left < 0:
            raise bad_answer(f"the answer in JSON is over grpc_response_bytes_max, {bytes_max}")
        values.append(value)
    try:
        written = dumps(values if method.streams else values[0])
        # Once more, for what payloads may not hold.
        loads(written, field="the answer")
    except JsonError as error:
        raise bad_answer(error.message) from None
    return written


def _size(value: Json, most: int) -> int:
    """About how long the value is in JSON, counted up to `most`.

    The name of an enum's value takes a byte on the wire, however long it is, so that JSON has to be measured
    before it is written.
    """
    size, waiting = 0, [value]
    while waiting and size <= most:
        item = waiting.pop()
        match item:
            case str():
                size += len(item) + _OVERHEAD
            case list():
                size += _OVERHEAD
                waiting += item
            case dict():
                size += _OVERHEAD + sum(len(key) + _OVERHEAD for key in item)
                waiting += item.values()
            case _:
                size += _OVERHEAD
    return size
