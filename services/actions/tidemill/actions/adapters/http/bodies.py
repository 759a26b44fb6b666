"""Bodies of requests and answers: JSON values to bytes and back, by media type."""

import base64
from email.message import Message
from typing import Final
from urllib.parse import urlencode

from tidemill.json import Json, dumps, loads

JSON_TYPE: Final = "application/json"
FORM_TYPE: Final = "application/x-www-form-urlencoded"
TEXT_TYPE: Final = "text/plain; charset=utf-8"
# What is text though its type does not begin with `text/`.
_TEXT_TYPES: Final = frozenset({"application/xml", "application/javascript", "application/yaml", FORM_TYPE})


def encode_body(value: Json, content_type: str) -> tuple[bytes, str]:
    """The bytes of a request's body and its content type, where the author names none.

    A string is sent as it stands, whatever the type. An object with the type of forms is sent as a form;
    everything else as JSON, for types that are JSON. Raises ValueError where no way is known.
    """
    if isinstance(value, str):
        return value.encode(), TEXT_TYPE
    media_type, _ = split_type(content_type or JSON_TYPE)
    if is_json(media_type):
        return dumps(value), JSON_TYPE
    if media_type == FORM_TYPE and isinstance(value, dict):
        return urlencode(_form_pairs(value)).encode(), FORM_TYPE
    raise ValueError(f"a body of the type {media_type} must be a string")


def decode_content(data: bytes, content_type: str) -> Json:
    """The content of an answer: JSON as its value, text as a string, the rest in base64, nothing as null.

    Raises JsonError when the type promises JSON and the data is none.
    """
    if not data:
        return None
    media_type, charset = split_type(content_type)
    if is_json(media_type):
        return loads(data, field="response")
    if is_text(media_type):
        return _text(data, charset)
    return base64.b64encode(data).decode()


def is_json(media_type: str) -> bool:
    """Whether the media type is JSON or based on it."""
    return media_type == JSON_TYPE or media_type.endswith("+json")


def is_text(media_type: str) -> bool:
    """Whether content of the media type is text."""
    return media_type.startswith("text/") or media_type.endswith("+xml") or media_type in _TEXT_TYPES


def split_type(content_type: str) -> tuple[str, str]:
    """The media type in lower case, and the charset, utf-8 where none is named."""
    message = Message()
    message["content-type"] = content_type or "application/octet-stream"
    return message.get_content_type(), message.get_content_charset("utf-8")


def _text(data: bytes, charset: str) -> str:
    try:
        text = data.decode(charset, "replace")
    except LookupError:
        text = data.decode("utf-8", "replace")
    # Payloads may not hold NUL.
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _form_pairs(form: dict[str, Json]) -> list[tuple[str, str]]:
    pairs = []
    for name, value in form.items():
        for item in value if isinstance(value, list) else [value]:
            if item is not None:
                pairs.append((name, item if isinstance(item, str) else dumps(item).decode()))
    return pairs
