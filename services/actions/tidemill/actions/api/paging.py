"""Pages of the list of actions."""

from tidemill.actions.registry import ActionSpec
from tidemill.actions.settings import Settings
from tidemill.api.actions.v1 import action_service_pb2 as pb
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.errors import InvalidRequestError, TidemillError


def page_of(
    specs: list[ActionSpec], request: pb.ListActionsRequest, settings: Settings
) -> tuple[list[ActionSpec], str]:
    """The page that the request asks for, and the token of the next one.

    A token is the last name of the page before. Raises INVALID_REQUEST for a negative size, NOT_FOUND for a
    token that this service did not give; a size over the limit gives the limit.
    """
    if request.page_size < 0:
        raise InvalidRequestError("page_size", "page_size must not be negative")
    size = min(request.page_size or settings.page_size_default, settings.page_size_max)
    start = _start(specs, request.page_token)
    page = specs[start : start + size]
    return page, page[-1].full_name if start + size < len(specs) else ""


def _start(specs: list[ActionSpec], token: str) -> int:
    if not token:
        return 0
    for index, spec in enumerate(specs):
        if spec.full_name == token:
            return index + 1
    raise TidemillError(reasons.ERROR_REASON_NOT_FOUND, "no such page token", {"field": "page_token"})
