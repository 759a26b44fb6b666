"""Pages of the list of actions."""

from tidemill.actions.registry import ActionSpec
from tidemill.actions.settings import Settings
from tidemill.api.actions.v1 import action_service_pb2 as pb
from tidemill.paging import PageLimits, decode_token, encode_token


def page_of(
    specs: list[ActionSpec], request: pb.ListActionsRequest, settings: Settings
) -> tuple[list[ActionSpec], str]:
    """The page that the request asks for, and the token of the next one.

    Raises InvalidRequestError for a bad size or token.
    """
    size = PageLimits(settings.page_size_default, settings.page_size_max).size(request.page_size)
    place = decode_token(request.page_token, str)
    following = [spec for spec in specs if place is None or spec.full_name > str(place[0])]
    page = following[:size]
    return page, encode_token(page[-1].full_name) if len(following) > size else ""
