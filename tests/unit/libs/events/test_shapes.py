"""Shapes of filters, correlation values and their keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.libs.events.samples import NOW_US, cloud_event, evaluate
from tidemill.api.events.v1.payload_pb2 import CloudEvent
from tidemill.events.envelopes import envelope_of
from tidemill.events.filters import FilterError, compile_filter, equal
from tidemill.events.shapes import Shape, compile_shape, correlation_key, shape_id, shape_of
from tidemill.json import Json, dumps, loads

ORDER: dict[str, Json] = {
    "with": {"type": "order.paid", "data": "${ .total > 5 }"},
    "correlate": {"order": {"from": ".data.order", "expect": "${ .id }"}, "shop": {"from": "${ .source }"}},
}


def shape(definition: dict[str, Json]) -> Shape:
    return compile_shape(shape_of(definition))


def test_a_shape_is_the_filter_without_what_it_expects() -> None:
    assert loads(shape_of(ORDER)) == {
        "with": {"type": "order.paid", "data": "${ .total > 5 }"},
        "correlate": {"order": ".data.order", "shop": "${ .source }"},
    }


def test_filters_that_ask_for_the_same_have_one_shape_however_they_are_written() -> None:
    turned: dict[str, Json] = {
        "correlate": ORDER["correlate"],
        "with": {"data": "${ .total > 5 }", "type": "order.paid"},
    }
    assert shape_of(turned) == shape_of(ORDER)
    assert shape_id(shape_of(turned)) == shape_id(shape_of(ORDER))
    assert shape_id(shape_of({"with": {"type": "order.paid"}})) != shape_id(shape_of(ORDER))


def test_what_uses_a_variable_is_left_out() -> None:
    properties: dict[str, Json] = {
        "type": "${ $context.type }",
        "subject": "${ .id as $x | $x }",
        "source": "^/shops/.*$",
        "data": {"a": 1, "b": ["${ $workflow.id }"]},
        "region": "eu",
    }
    kept = loads(shape_of({"with": properties}))
    assert kept == {
        "with": {name: properties[name] for name in ("subject", "source", "region")},
        "correlate": {},
    }


def test_a_shape_compiles_to_its_type_and_the_sorted_names_of_its_values() -> None:
    compiled = shape(ORDER)
    assert (compiled.event_type, compiled.names) == ("order.paid", ("order", "shop"))
    assert shape({"with": {"type": "^order.*$"}}).event_type == ""
    assert compile_shape(shape_of(ORDER)) is compiled


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (cloud_event("order.paid", {"total": 6}), True),
        (cloud_event("order.paid", {"total": 5}), False),
        (cloud_event("order.made", {"total": 6}), False),
        (cloud_event("order.paid"), False),
    ],
)
def test_what_passes_a_shape(event: CloudEvent, *, expected: bool) -> None:
    assert shape(ORDER).passes(envelope_of(event), NOW_US) is expected


def test_expressions_see_the_given_time() -> None:
    late = shape({"with": {"data": "${ .due < now }"}})
    envelope = envelope_of(cloud_event(data={"due": NOW_US / 1_000_000}))
    assert late.passes(envelope, NOW_US + 1_000_000)
    assert not late.passes(envelope, NOW_US - 1_000_000)


@pytest.mark.parametrize(
    ("data", "values"),
    [
        ({"order": 7}, {"order": 7, "shop": "/forms"}),
        ({"order": {"id": [1]}}, {"order": {"id": [1]}, "shop": "/forms"}),
        ({"order": False}, {"order": False, "shop": "/forms"}),
        ({"order": None}, None),
        ({}, None),
        ("text", None),
    ],
)
def test_correlation_values_are_all_there_or_the_event_does_not_correlate(data: Json, values: Json) -> None:
    assert shape(ORDER).values(envelope_of(cloud_event("order.paid", data)), NOW_US) == values


def test_a_shape_without_correlation_has_no_values() -> None:
    assert shape({"with": {"type": "a"}}).values(envelope_of(cloud_event("a")), NOW_US) == {}


@pytest.mark.parametrize(
    ("definition", "pointer"),
    [
        ({"with": {"type": "^(a$"}}, "/with/type"),
        ({"with": {"data": {"a": "${ | }"}}}, "/with/data/a"),
        ({"with": []}, "/with"),
        ({"with": {}, "correlate": {"a/b": {"from": ".x |"}}}, "/correlate/a~1b/from"),
        ({"with": {}, "correlate": {"a": {"from": "$context.a"}}}, "/correlate/a/from"),
        ({"with": {}, "correlate": {"a": {}}}, "/correlate/a/from"),
    ],
)
def test_what_is_no_shape_is_refused_with_its_place(definition: dict[str, Json], pointer: str) -> None:
    with pytest.raises(FilterError) as caught:
        shape_of(definition)
    assert caught.value.pointer == pointer


def test_bytes_that_are_no_shape_are_refused() -> None:
    with pytest.raises(FilterError):
        compile_shape(b"[]")


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, 1.0),
        (0, -0.0),
        (2**63, float(2**63)),
        (-(2**63), -float(2**63)),
        (10**16, 1e16),
        ({"a": [1, {"b": 2}], "c": "é"}, {"c": "é", "a": [1.0, {"b": 2.0}]}),
    ],
)
def test_equal_values_have_one_key(left: Json, right: Json) -> None:
    assert correlation_key({"v": left}) == correlation_key({"v": right})


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, True),
        (0, False),
        (1, "1"),
        (None, "null"),
        (2**53, 2**53 + 1),
        (2**53 + 1, float(2**53)),
        (2**64 - 1, float(2**64)),
        (1e300, 1e301),
        ([1, 2], [2, 1]),
        ({"a": 1}, {"b": 1}),
    ],
)
def test_values_that_differ_have_keys_that_differ(left: Json, right: Json) -> None:
    assert correlation_key({"v": left}) != correlation_key({"v": right})


def test_a_key_is_for_ever() -> None:
    # Lanes store it beside the subscriptions.
    assert correlation_key({"order": 7, "shop": "/forms"}).hex() == "0b49bb8b4f8a1092503f8a07daf7b291"


NUMBERS = st.integers(-3, 3) | st.sampled_from(
    [-1.0, 0.0, -0.0, 1.0, 2.5, 2**53, float(2**53), 1e300, 2**64 - 1]
)
SCALARS = st.none() | st.booleans() | NUMBERS | st.sampled_from(["", "a", "1", "contact-7"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=5,
)


@given(VALUES, VALUES)
def test_keys_are_equal_exactly_when_values_are(left: Json, right: Json) -> None:
    assert (correlation_key({"v": left}) == correlation_key({"v": right})) is equal(left, right)


WANTED = (
    VALUES
    | st.sampled_from(["^c.*$", "^.*7$", "${ . }", "${ .a }", "${ .a == 1 }", "${ type }", "${ . != null }"])
    | st.fixed_dictionaries({"a": VALUES | st.just("${ .a }")})
)
PROPERTIES = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["a", "b", "^[ab]$", '${ . == "a" }']),
        "subject": st.sampled_from(["contact-7", "^contact.*$", "${ . == null }"]),
        "region": st.sampled_from(["1", "eu"]) | NUMBERS | st.booleans(),
        "data": WANTED,
    },
)
SOURCES = st.sampled_from([".subject", ".data", ".data.a", "${ .data.b }", ".data.a.b", ".type", "1"])
DEFINITIONS = st.fixed_dictionaries(
    {"with": PROPERTIES},
    optional={
        "correlate": st.dictionaries(
            st.sampled_from("xyz"), st.builds(lambda source: {"from": source}, SOURCES), max_size=3
        )
    },
)
EVENTS = st.builds(
    lambda kind, data, subject, region: CloudEvent(
        id="1",
        source="/s",
        type=kind,
        subject=subject,
        data=b"" if data is None else dumps(data),
        extensions={"region": region} if region else {},
    ),
    st.sampled_from("abc"),
    VALUES,
    st.sampled_from(["", "contact-7", "order-1"]),
    st.sampled_from(["", "1", "eu", "true"]),
)


@given(DEFINITIONS, EVENTS)
def test_a_shape_lets_through_all_that_its_filter_takes(
    definition: dict[str, Json], event: CloudEvent
) -> None:
    properties = definition["with"]
    assert isinstance(properties, dict)
    envelope, compiled = envelope_of(event), shape(definition)
    whole = compile_filter(properties)
    assert compiled.event_type == whole.event_type
    assert compiled.passes(envelope, NOW_US) is whole.passes(envelope, evaluate)


@given(DEFINITIONS, EVENTS, EVENTS)
def test_events_find_those_who_expect_their_values(
    definition: dict[str, Json], first: CloudEvent, second: CloudEvent
) -> None:
    compiled = shape(definition)
    expected = compiled.values(envelope_of(first), NOW_US)
    values = compiled.values(envelope_of(second), NOW_US)
    if expected is None or values is None:
        return
    agree = all(equal(expected[name], values[name]) for name in compiled.names)
    assert (correlation_key(expected) == correlation_key(values)) is agree


VARIABLE = st.sampled_from(["${ . == $context.a }", "${ $context }", "${ $context.a }"])
WITH_VARIABLES = st.fixed_dictionaries(
    {}, optional={"data": WANTED | VARIABLE, "subject": VARIABLE, "type": VARIABLE}
)


@given(WITH_VARIABLES, EVENTS, VALUES)
def test_a_shape_refuses_nothing_for_what_it_does_not_know(
    properties: dict[str, Json], event: CloudEvent, context: Json
) -> None:
    envelope = envelope_of(event)
    whole = compile_filter(properties, ("context",))
    takes = whole.passes(
        envelope, lambda formula, value: formula.evaluate(value, {"context": context}, now_us=NOW_US)
    )
    assert shape({"with": properties}).passes(envelope, NOW_US) or not takes
