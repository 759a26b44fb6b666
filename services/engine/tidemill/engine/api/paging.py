"""Page sizes and page tokens: a token is where the next page begins, opaque to clients."""

import base64
import binascii

import orjson

from tidemill.engine.settings import Settings
from tidemill.errors import InvalidRequestError
from tidemill.json import Json


def page_size(wanted: int, settings: Settings) -> int:
    """The size of a page: the default for 0, never over the limit. Raises for a negative one."""
    if wanted < 0:
        raise InvalidRequestError("page_size", "page_size is negative")
    return min(wanted or settings.page_size_default, settings.page_size_max)


def encode_token(*place: Json) -> str:
    """A token for the place where the next page begins."""
    return base64.urlsafe_b64encode(orjson.dumps(list(place))).decode()


def decode_token(token: str, *kinds: type) -> list[Json] | None:
    """The place of a token, whose parts have these types; None for the first page. Raises TidemillError."""
    if not token:
        return None
    try:
        place: Json = orjson.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise _unknown_token() from None
    if not isinstance(place, list) or [type(part) for part in place] != list(kinds):
        raise _unknown_token()
    return place


def _unknown_token() -> InvalidRequestError:
    return InvalidRequestError("page_token", "the page token is not one of this service")
