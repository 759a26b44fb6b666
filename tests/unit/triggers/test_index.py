"""Which start conditions are in force, and which of them an event meets."""

from itertools import permutations

import pytest

from tests.unit.triggers.samples import NAMESPACE, NOW_US, anyof, condition, event, index_of, one
from tidemill.triggers.core.index import TriggerIndex


def names(index: TriggerIndex, event_type: str, namespace: str = NAMESPACE) -> list[tuple[str, str, str]]:
    matched = index.match(namespace, event(event_type))
    return [(item.condition.workflow, item.condition.version_text, item.alternative.name) for item in matched]


def test_an_event_meets_the_conditions_of_its_namespace_and_type() -> None:
    index = index_of(
        condition(one(type="a"), name="w1"),
        condition(one(type="b"), name="w2"),
        condition(one(type="a"), name="w3", namespace="other"),
        condition(one(type="a"), name="w4"),
    )
    assert names(index, "a") == [("w1", "1.0.0", "on"), ("w4", "1.0.0", "on")]
    assert names(index, "a", "other") == [("w3", "1.0.0", "on")]
    assert names(index, "c") == []


def test_filters_without_a_literal_type_are_tried_on_every_event_of_their_namespace() -> None:
    index = index_of(
        condition(one(type="^lead\\..*$"), name="w1"),
        condition(one(source="/forms"), name="w2"),
        condition({"any": []}, name="w3"),
    )
    assert names(index, "lead.x") == [("w1", "1.0.0", "on"), ("w2", "1.0.0", "on"), ("w3", "1.0.0", "on")]
    assert names(index, "order.x") == [("w2", "1.0.0", "on"), ("w3", "1.0.0", "on")]
    assert names(index, "lead.x", "other") == []


def test_a_workflow_is_met_once_by_an_event_that_passes_two_of_its_filters() -> None:
    index = index_of(condition(anyof({"source": "/forms"}, {"type": "a"}, {"type": "a", "id": "1"})))
    assert names(index, "a") == [("nurture", "1.0.0", "on.any.1")]


@pytest.mark.parametrize("order", list(permutations(["1.0.0-rc.1", "1.0.0", "1.1.0-alpha", "0.9.9"])))
def test_only_the_latest_version_is_in_force_whatever_order_they_are_seen_in(order: tuple[str, ...]) -> None:
    index = index_of(*(condition(one(type="a"), version=version) for version in order))
    assert names(index, "a") == [("nurture", "1.1.0-alpha", "on")]
    assert len(index) == 1


def test_builds_of_one_version_follow_the_order_of_publishing() -> None:
    index = index_of(condition(one(type="a"), version="1.0.0+b"), condition(one(type="a"), version="1.0.0+a"))
    assert names(index, "a") == [("nurture", "1.0.0+a", "on")]


def test_a_later_version_without_a_start_by_events_ends_that_of_the_older_one() -> None:
    index = index_of(condition(one(type="a")), condition(None, version="2.0.0"))
    assert names(index, "a") == []
    assert len(index) == 0


def test_a_later_version_may_listen_to_another_type() -> None:
    index = index_of(condition(one(type="a")), condition(one(type="b"), version="2.0.0"))
    assert names(index, "a") == []
    assert names(index, "b") == [("nurture", "2.0.0", "on")]


def test_the_order_of_matches_does_not_depend_on_the_order_of_arrival() -> None:
    conditions = [condition(one(type="a"), name=name) for name in ("w1", "w2", "w3")]
    orders = {tuple(names(index_of(*order), "a")) for order in permutations(conditions)}
    assert len(orders) == 1


def test_matches_are_counted_with_the_time_of_the_last() -> None:
    index = index_of(condition(one(type="a")))
    (trigger,) = index.triggers()
    assert (trigger.listening_since_us, trigger.matches, trigger.last_match_us) == (NOW_US, 0, 0)
    names(index, "b")
    names(index, "a")
    names(index, "a")
    assert (trigger.matches, trigger.last_match_us) == (2, NOW_US)


def test_a_new_index_takes_over_what_was_known_of_the_same_versions_alone() -> None:
    before = index_of(condition(one(type="a"), name="same"), condition(one(type="a"), name="changed"))
    names(before, "a")
    after = TriggerIndex()
    later_us = NOW_US + 1
    after.put(condition(one(type="a"), name="same"), revision=1, now_us=later_us)
    after.put(condition(one(type="a"), name="changed", version="2.0.0"), revision=2, now_us=later_us)
    after.put(condition(one(type="a"), name="new"), revision=3, now_us=later_us)
    after.take_over(before)
    known = {item.key[1]: (item.listening_since_us, item.matches) for item in after.triggers()}
    assert known == {"same": (NOW_US, 1), "changed": (later_us, 0), "new": (later_us, 0)}


def test_triggers_are_listed_by_namespace_workflow_and_name() -> None:
    index = index_of(
        condition(one(type="a"), name="w2"),
        condition(anyof({"type": "b"}, {"type": "a"}), name="w1"),
        condition(one(type="a"), name="w9", namespace="a"),
    )
    assert [trigger.key for trigger in index.triggers()] == [
        ("a", "w9", "on"),
        (NAMESPACE, "w1", "on.any.0"),
        (NAMESPACE, "w1", "on.any.1"),
        (NAMESPACE, "w2", "on"),
    ]
