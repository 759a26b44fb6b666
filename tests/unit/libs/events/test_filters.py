"""What event filters let pass."""

from typing import Any

import pytest

from tests.unit.libs.events.samples import cloud_event, evaluate
from tidemill.events.envelopes import envelope_of
from tidemill.events.filters import FilterError, compile_filter, equal, literal_type
from tidemill.expressions import Expression, Template
from tidemill.json import Json

LEAD: dict[str, Any] = {"data": {"score": 7, "tags": ["a", "b"], "vip": True}, "subject": "contact-7"}


def passes(properties: dict[str, Json], attributes: dict[str, Any]) -> bool:
    envelope = envelope_of(cloud_event(**{**LEAD, **attributes}))
    return compile_filter(properties).passes(envelope, evaluate)


@pytest.mark.parametrize(
    ("properties", "attributes", "expected"),
    [
        # Literals are equal, or not.
        ({"type": "lead.created"}, {}, True),
        ({"type": "lead.updated"}, {}, False),
        ({"type": "Lead.Created"}, {}, False),
        ({"type": "lead.created", "source": "/forms"}, {}, True),
        ({"type": "lead.created", "source": "/ads"}, {}, False),
        ({"subject": "contact-7"}, {}, True),
        ({"subject": "contact-7"}, {"subject": ""}, False),
        ({"id": "1"}, {}, True),
        ({"specversion": "1.0"}, {}, True),
        ({"time": "2026-01-01T00:00:00Z"}, {"time": "2026-01-01T00:00:00Z"}, True),
        # Extension attributes are text on the wire, whatever the document writes.
        ({"region": "eu"}, {"extensions": {"region": "eu"}}, True),
        ({"region": "eu"}, {}, False),
        ({"priority": 5}, {"extensions": {"priority": "5"}}, True),
        ({"urgent": True}, {"extensions": {"urgent": "true"}}, True),
        ({"urgent": True}, {"extensions": {"urgent": "True"}}, False),
        # Data is compared as JSON, whole.
        ({"data": {"score": 7, "tags": ["a", "b"], "vip": True}}, {}, True),
        ({"data": {"score": 7.0, "tags": ["a", "b"], "vip": True}}, {}, True),
        ({"data": {"score": 7, "tags": ["b", "a"], "vip": True}}, {}, False),
        ({"data": {"score": 7}}, {}, False),
        ({"data": {"score": 7, "tags": ["a", "b"], "vip": 1}}, {}, False),
        ({"data": "text"}, {"data": "text"}, True),
        ({"data": 1}, {"data": True}, False),
        # Regular expressions: from ^ to $, found in text alone.
        ({"type": "^lead\\.(created|updated)$"}, {}, True),
        ({"type": "^lead\\.deleted$"}, {}, False),
        ({"type": "^lead$"}, {}, False),
        ({"subject": "^contact-[0-9]+$"}, {}, True),
        ({"subject": "^contact-[0-9]+$"}, {"subject": "contact-7\n"}, False),
        ({"subject": "^.*é$"}, {"subject": "café"}, True),
        ({"data": "^7$"}, {"data": 7}, False),
        ({"data": "^[a-z]+$"}, {"data": "abc"}, True),
        ({"subject": "^$"}, {"subject": ""}, False),
        ({"subject": "^"}, {"subject": "anything"}, False),
        ({"subject": "contact-.*"}, {}, False),
        # Expressions see the attribute; a boolean is the verdict, anything else must be equal to it.
        ({"data": "${ .score > 5 }"}, {}, True),
        ({"data": "${ .score > 9 }"}, {}, False),
        ({"data": " ${ .score > 5 } "}, {}, True),
        ({"data": '${ .tags | any(. == "b") }'}, {}, True),
        ({"data": "${ .nothing }"}, {}, False),
        ({"data": "${ .score }"}, {}, False),
        ({"data": "${ . }"}, {}, True),
        ({"subject": '${ startswith("contact-") }'}, {}, True),
        ({"subject": '${ "contact-" + "7" }'}, {}, True),
        ({"subject": '${ "contact-8" }'}, {}, False),
        ({"type": '${ . == "lead.created" }'}, {}, True),
        ({"type": '${ . == "lead.updated" }'}, {}, False),
        ({"region": "${ . == null }"}, {}, True),
        # A literal with expressions inside is filled in from the attribute, then compared.
        ({"data": {"score": "${ .score }", "tags": ["a", "b"], "vip": True}}, {}, True),
        ({"data": {"score": "${ .score + 1 }", "tags": ["a", "b"], "vip": True}}, {}, False),
        # An expression that fails does not match.
        ({"data": "${ .score.deep.inside == 1 }"}, {}, False),
        ({"data": '${ error("no") }'}, {}, False),
        # All properties must hold.
        ({"type": "lead.created", "data": "${ .score > 5 }", "subject": "^contact"}, {}, False),
        ({"type": "lead.created", "data": "${ .score > 5 }", "subject": "^contact-7$"}, {}, True),
    ],
)
def test_what_passes(properties: dict[str, Json], attributes: dict[str, Any], *, expected: bool) -> None:
    assert passes(properties, attributes) is expected


@pytest.mark.parametrize(
    ("properties", "event_type"),
    [
        ({"type": "lead.created"}, "lead.created"),
        ({"type": "^lead$"}, ""),
        ({"type": "${ true }"}, ""),
        ({"source": "/forms"}, ""),
    ],
)
def test_only_a_literal_type_is_for_the_index(properties: dict[str, Json], event_type: str) -> None:
    assert compile_filter(properties).event_type == literal_type(properties) == event_type


def test_an_empty_filter_takes_every_event() -> None:
    assert passes({}, {})


def test_expressions_see_the_variables_that_the_caller_knows() -> None:
    def with_context(formula: Expression | Template, value: Json) -> Json:
        return formula.evaluate(value, {"context": {"least": 5}})

    compiled = compile_filter({"data": "${ .score > $context.least }"}, ("context",))
    assert compiled.passes(envelope_of(cloud_event(data={"score": 6})), with_context)
    assert not compiled.passes(envelope_of(cloud_event(data={"score": 5})), with_context)


@pytest.mark.parametrize(
    ("properties", "pointer"),
    [
        ({"type": "^(a$"}, "/with/type"),
        ({"subject": "^(?=a)b$"}, "/with/subject"),
        ({"subject": "^(a)\\1$"}, "/with/subject"),
        ({"subject": "^" + "a" * 2_000 + "$"}, "/with/subject"),
        ({"data": "${ .a | }"}, "/with/data"),
        ({"data": {"a": "${ $context.b }"}}, "/with/data/a"),
        ({"data": "${ input }"}, "/with/data"),
        ({"a/b": "${ }"}, "/with/a~1b"),
    ],
)
def test_what_does_not_compile_is_refused_with_its_place(properties: dict[str, Json], pointer: str) -> None:
    with pytest.raises(FilterError) as caught:
        compile_filter(properties)
    assert caught.value.pointer == pointer


def test_a_hostile_pattern_costs_linear_time() -> None:
    assert not passes({"subject": "^(a+)+b$"}, {"subject": "a" * 250})


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        (None, False, False),
        (None, None, True),
        ("1", 1, False),
        ([1, [2]], [1, [2.0]], True),
        ([1], [True], False),
        ([1], [1, 2], False),
        ({"a": {"b": 1}}, {"a": {"b": 1}}, True),
        ({"a": {"b": 1}}, {"a": {"b": True}}, False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({}, [], False),
    ],
)
def test_equality_of_json_values(left: Json, right: Json, *, expected: bool) -> None:
    assert equal(left, right) is expected
    assert equal(right, left) is expected


def test_a_filter_that_asks_for_a_type_alone_says_so() -> None:
    assert compile_filter({"type": "a"}).asks_type_alone
    assert compile_filter({}).asks_type_alone
    assert not compile_filter({"type": "^a$"}).asks_type_alone
    assert not compile_filter({"type": "a", "source": "/s"}).asks_type_alone
