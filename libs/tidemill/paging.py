"""Pages of lists: their sizes, and tokens that say where the next one begins, opaque to clients."""

import base64
import binascii
from dataclasses import dataclass

import orjson

from tidemill.errors import InvalidRequestError
from tidemill.json import Json


@dataclass(frozen=True, slots=True)
class PageLimits:
    """How many items a page holds when none, or too many, are asked for."""

    page_size_default: int
    page_size_max: int

    def size(self, wanted: int) -> int:
        """The size of a page: the default for 0, never over the limit. Raises for a negative one."""
        if wanted < 0:
            raise InvalidRequestError("page_size", "page_size must not be negative")
        return min(wanted or self.page_size_default, self.page_size_max)


def encode_token(*place: Json) -> str:
    """A token for a place in a list: what stood there last, so that items may come and go between pages."""
    return base64.urlsafe_b64encode(orjson.dumps(list(place))).decode()


def decode_token(token: str, *kinds: type) -> list[Json] | None:
    """The place of a token, whose parts have these types; None for the first page.

    Raises InvalidRequestError for anything else.
    """
    if not token:
        return None
    try:
        place: Json = orjson.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        place = None
    if not isinstance(place, list) or [type(part) for part in place] != list(kinds):
        raise InvalidRequestError("page_token", "page_token is not one of this service's")
    return place
