"""Pages of triggers."""

import base64

import pytest

from tests.unit.triggers.samples import NAMESPACE, anyof, condition, index_of, one
from tidemill.errors import TidemillError
from tidemill.paging import PageLimits
from tidemill.triggers.core.index import TriggerIndex, TriggerKey
from tidemill.triggers.listing import PageRequest, list_triggers

LIMITS = PageLimits(page_size_default=2, page_size_max=3)
INDEX = index_of(
    condition(anyof({"type": "a"}, {"type": "b"}), name="w1"),
    condition(one(type="a"), name="w2"),
    condition(one(type="a"), name="w3"),
    condition(one(type="a"), name="w1", namespace="other"),
)


def all_keys(request: PageRequest, index: TriggerIndex = INDEX) -> list[list[TriggerKey]]:
    pages = []
    token = ""
    while True:
        page, token = list_triggers(
            index, PageRequest(request.namespace, request.workflow, request.page_size, token), LIMITS
        )
        pages.append([trigger.key for trigger in page])
        if not token:
            return pages


def test_pages_have_the_default_size_and_end() -> None:
    assert all_keys(PageRequest(NAMESPACE)) == [
        [(NAMESPACE, "w1", "on.any.0"), (NAMESPACE, "w1", "on.any.1")],
        [(NAMESPACE, "w2", "on"), (NAMESPACE, "w3", "on")],
    ]


def test_a_page_of_the_asked_size() -> None:
    assert [len(page) for page in all_keys(PageRequest("-", page_size=3))] == [3, 2]


def test_a_page_is_never_over_the_limit() -> None:
    assert [len(page) for page in all_keys(PageRequest("-", page_size=100))] == [3, 2]


def test_one_workflow_in_all_namespaces() -> None:
    assert all_keys(PageRequest("-", "w1", 3)) == [
        [(NAMESPACE, "w1", "on.any.0"), (NAMESPACE, "w1", "on.any.1"), ("other", "w1", "on")]
    ]


def test_a_page_goes_on_where_the_last_one_ended_although_that_trigger_is_gone() -> None:
    _, token = list_triggers(INDEX, PageRequest(NAMESPACE, page_size=3), LIMITS)
    shrunk = index_of(condition(one(type="a"), name="w1"), condition(one(type="a"), name="w3"))
    page, rest = list_triggers(shrunk, PageRequest(NAMESPACE, page_size=3, page_token=token), LIMITS)
    assert ([trigger.key for trigger in page], rest) == ([(NAMESPACE, "w3", "on")], "")


@pytest.mark.parametrize(
    ("request_", "metadata"),
    [
        (PageRequest(""), {"field": "namespace"}),
        (PageRequest(NAMESPACE, page_size=-1), {"field": "page_size"}),
        (PageRequest(NAMESPACE, page_token="?"), {"field": "page_token"}),
        (PageRequest(NAMESPACE, page_token="é"), {"field": "page_token"}),
        (PageRequest(NAMESPACE, page_token=base64.b64encode(b"[1,2,3]").decode()), {"field": "page_token"}),
        (PageRequest(NAMESPACE, page_token=base64.b64encode(b'["a"]').decode()), {"field": "page_token"}),
    ],
)
def test_a_bad_request_is_refused_by_field(request_: PageRequest, metadata: dict[str, str]) -> None:
    with pytest.raises(TidemillError) as caught:
        list_triggers(INDEX, request_, LIMITS)
    assert caught.value.metadata == metadata
