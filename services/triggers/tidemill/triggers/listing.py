"""Pages through the triggers in force."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from tidemill.errors import InvalidRequestError
from tidemill.lanes import check_namespace
from tidemill.triggers.core.index import Trigger, TriggerIndex, TriggerKey

ALL_NAMESPACES: Final = "-"
_KEY_PARTS: Final = 3


@dataclass(frozen=True, slots=True)
class PageLimits:
    """How many triggers a page holds when none, or too many, are asked for."""

    page_size_default: int
    page_size_max: int


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which triggers, and which page of them; 0 and "" leave the choice to the service."""

    namespace: str
    workflow: str = ""
    page_size: int = 0
    page_token: str = ""


def list_triggers(
    index: TriggerIndex, request: PageRequest, limits: PageLimits
) -> tuple[Sequence[Trigger], str]:
    """A page by namespace, workflow and name, and the token of the next one ("" on the last).

    Raises InvalidRequestError for a bad namespace, page size or token. Pages stay right while triggers come
    and go: the token names the last trigger that was shown, not a place in a list.
    """
    if request.namespace != ALL_NAMESPACES:
        check_namespace(request.namespace)
    size = _page_size(request.page_size, limits)
    after = _read_token(request.page_token) if request.page_token else ()
    found = [trigger for trigger in index.triggers() if trigger.key > after and _asked_for(trigger, request)]
    page = found[:size]
    return page, _make_token(page[-1].key) if len(found) > size else ""


def _asked_for(trigger: Trigger, request: PageRequest) -> bool:
    namespace, workflow, _ = trigger.key
    return request.namespace in (ALL_NAMESPACES, namespace) and request.workflow in ("", workflow)


def _page_size(asked: int, limits: PageLimits) -> int:
    if asked < 0:
        raise InvalidRequestError("page_size", "page_size must not be negative")
    return min(asked or limits.page_size_default, limits.page_size_max)


def _make_token(key: TriggerKey) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(key)).decode()


def _read_token(token: str) -> tuple[str, ...]:
    try:
        key = orjson.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        key = None
    if not isinstance(key, list) or len(key) != _KEY_PARTS or not all(isinstance(item, str) for item in key):
        raise InvalidRequestError("page_token", "page_token is not one of this service's")
    return tuple(key)
