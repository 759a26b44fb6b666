"""Start conditions out of definition documents."""

from typing import Any

import pytest

from tests.unit.triggers.samples import anyof, condition, document, event, one
from tidemill.json import Json
from tidemill.triggers.core.compiling import compile_condition
from tidemill.triggers.core.conditions import ConditionError, Reading


def test_a_start_by_one_event_is_one_alternative() -> None:
    compiled = condition(one(type="lead.created"), name="w", version="1.2.3-rc.1", namespace="n")
    assert (compiled.namespace, compiled.workflow, compiled.version_text) == ("n", "w", "1.2.3-rc.1")
    assert [(item.name, item.filter.event_type) for item in compiled.alternatives] == [("on", "lead.created")]
    assert (compiled.reading, compiled.ordering_key) == (Reading.DATA, None)


def test_each_filter_of_any_is_an_alternative_under_its_own_name() -> None:
    compiled = condition(anyof({"type": "a"}, {"source": "/b"}))
    assert [(item.name, item.filter.event_type) for item in compiled.alternatives] == [
        ("on.any.0", "a"),
        ("on.any.1", ""),
    ]


def test_an_empty_any_listens_to_everything() -> None:
    (alternative,) = condition({"any": []}).alternatives
    assert alternative.name == "on"
    whatever = event("whatever")
    assert alternative.filter.passes(whatever.envelope(), whatever.evaluate)


@pytest.mark.parametrize(
    "on",
    [
        None,
        {"all": [{"with": {"type": "a"}}, {"with": {"type": "b"}}]},
        {"any": [{"with": {"type": "a"}}], "until": "${ true }"},
        {"one": {"with": {"type": "a"}, "correlate": {"x": {"from": ".data.x"}}}},
    ],
)
def test_other_starts_are_not_for_this_service(on: Json) -> None:
    assert condition(on).alternatives == ()


def test_a_schedule_without_events_is_not_for_this_service() -> None:
    plain = document(None)
    assert compile_condition({**plain, "schedule": {"cron": "0 8 * * *"}}).alternatives == ()


@pytest.mark.parametrize("reading", list(Reading))
def test_how_events_are_read(reading: Reading) -> None:
    assert condition(one(type="a"), read=reading.value).reading is reading


@pytest.mark.parametrize("key", [".data.id", "${ .data.id }"])
def test_an_ordering_key_is_an_expression_with_or_without_braces(key: str) -> None:
    compiled = condition(one(type="a"), ordering_key=key)
    assert compiled.ordering_key is not None
    assert compiled.ordering_key({"data": {"id": "c7"}}, 0) == "c7"


@pytest.mark.parametrize(
    ("broken", "pointer"),
    [
        ({"document": None}, "/document"),
        ({"document": {"namespace": "n", "name": "w"}}, "/document/version"),
        ({"document": {"namespace": "n", "name": "w", "version": "one"}}, "/document/version"),
        ({"document": {"name": "w", "version": "1.0.0"}}, "/document/namespace"),
        ({"schedule": []}, "/schedule"),
        ({"schedule": {"on": "lead"}}, "/schedule/on"),
        ({"schedule": {"on": {"one": "lead"}}}, "/schedule/on/one"),
        ({"schedule": {"on": {"one": {}}}}, "/schedule/on/one/with"),
        ({"schedule": {"on": one(type="^($")}}, "/schedule/on/one/with/type"),
        ({"schedule": {"on": anyof({"type": "a"}, {"data": "${ ( }"})}}, "/schedule/on/any/1/with/data"),
        ({"schedule": {"on": one(type="a"), "read": "twice"}}, "/schedule/read"),
    ],
)
def test_what_cannot_be_put_in_force_is_refused_with_its_place(broken: dict[str, Any], pointer: str) -> None:
    with pytest.raises(ConditionError) as caught:
        compile_condition({**document(one(type="a")), **broken})
    assert caught.value.pointer == pointer


@pytest.mark.parametrize("key", [7, ".a | ("])
def test_an_ordering_key_that_is_no_expression_is_refused(key: Json) -> None:
    with pytest.raises(ConditionError) as caught:
        condition(one(type="a"), ordering_key=key)
    assert caught.value.pointer == "/document/metadata/tidemill/orderingKey"
