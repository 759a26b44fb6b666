"""Pages through the triggers in force."""

from collections.abc import Sequence
from dataclasses import dataclass

from tidemill.lanes import check_namespace
from tidemill.namespaces import ANY_NAMESPACE
from tidemill.paging import PageLimits, decode_token, encode_token
from tidemill.triggers.core.index import Trigger, TriggerIndex


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
    if request.namespace != ANY_NAMESPACE:
        check_namespace(request.namespace)
    size = limits.size(request.page_size)
    after = tuple(decode_token(request.page_token, str, str, str) or ())
    found = [trigger for trigger in index.triggers() if trigger.key > after and _asked_for(trigger, request)]
    page = found[:size]
    return page, encode_token(*page[-1].key) if len(found) > size else ""


def _asked_for(trigger: Trigger, request: PageRequest) -> bool:
    namespace, workflow, _ = trigger.key
    return request.namespace in (ANY_NAMESPACE, namespace) and request.workflow in ("", workflow)
