"""Messages as workflows see them: payload, headers and correlation id, read from what has come."""

import base64
from collections.abc import Iterable, Mapping
from typing import Final

from tidemill.actions.adapters.asyncapi.problems import invalid
from tidemill.json import Json, JsonError, dumps, loads

_HEADER: Final = "$message.header#"
_PAYLOAD: Final = "$message.payload#"


def message_of(
    value: bytes | None,
    headers: Iterable[tuple[str, bytes]],
    *,
    content_type: str,
    correlation: str,
    where: str,
) -> dict[str, Json]:
    """A message; `correlation` is the location of its correlation id, `where` names it in errors.

    A content type among its own headers counts more than the one that is usual. Raises AsyncApiError for a
    message that is not what its content type says.
    """
    known: dict[str, Json] = {name: data.decode(errors="replace") for name, data in headers}
    own = next((text for name, text in known.items() if name.lower() == "content-type"), content_type)
    message: dict[str, Json] = {"payload": _payload(value, str(own), where), "headers": known}
    found = _correlation(message, correlation)
    if found is not None:
        message["correlationId"] = found
    return message


def _payload(value: bytes | None, content_type: str, where: str) -> Json:
    if value is None:
        return None
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        try:
            return loads(value, field="the message")
        except JsonError as error:
            raise invalid(f"{where} is no {kind}: {error.message}") from None
    if kind.startswith("text/"):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise invalid(f"{where} is no text in UTF-8") from None
    return base64.b64encode(value).decode()


def _correlation(message: Mapping[str, Json], location: str) -> str | None:
    for prefix, member in ((_HEADER, "headers"), (_PAYLOAD, "payload")):
        if location.startswith(prefix):
            return _text(_at(message[member], location.removeprefix(prefix)))
    return None


def _at(value: Json, pointer: str) -> Json:
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _text(value: Json) -> str | None:
    match value:
        case None | dict() | list():
            return None
        case str():
            return value
        case _:
            return dumps(value).decode()
