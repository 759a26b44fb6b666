"""Data with expressions in it."""

import pytest

from tidemill.expressions import (
    Budget,
    ExpressionError,
    ExpressionSyntaxError,
    TemplateError,
    compile_condition,
    compile_template,
    expression_source,
    is_truthy,
    looks_interpolated,
)
from tidemill.json import Json


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("${ .a }", ".a"),
        ("${.a}", ".a"),
        ("  ${ .a } \n", ".a"),
        ("${ {a: 1} }", "{a: 1}"),
        ("${}", ""),
        ("plain", None),
        ("Hello ${ .name }", None),
        ("${ .a } tail", None),
        ("$ { .a }", None),
        ("", None),
    ],
)
def test_only_a_whole_string_is_an_expression(text: str, source: str | None) -> None:
    assert expression_source(text) == source


@pytest.mark.parametrize(
    ("text", "suspicious"),
    [("Hello ${ .name }", True), ("${ .a } and ${ .b }!", True), ("${ .a }", False), ("costs $5", False)],
)
def test_text_that_looks_interpolated_is_recognised(text: str, suspicious: bool) -> None:
    assert looks_interpolated(text) is suspicious


@pytest.mark.parametrize("text", [".n > 1", "${ .n > 1 }", " ${.n > 1} "])
def test_a_condition_may_be_bare(text: str) -> None:
    assert compile_condition(text).evaluate({"n": 2}) is True


def test_a_condition_knows_its_variables() -> None:
    with pytest.raises(ExpressionSyntaxError, match=r"\$nope"):
        compile_condition("${ $nope }", frozenset(["input"]))


def test_expressions_are_replaced_and_literals_kept() -> None:
    template = compile_template(
        {
            "to": "${ .email }",
            "list": ["${ $input.a }", 5, "text"],
            "deep": {"x": [{"y": "${ .n + 1 }"}]},
            "k": None,
        }
    )
    found = template.evaluate({"email": "a@b.c", "n": 1}, {"input": {"a": True}})
    assert found == {"to": "a@b.c", "list": [True, 5, "text"], "deep": {"x": [{"y": 2}]}, "k": None}
    assert isinstance(found, dict)
    assert list(found) == ["to", "list", "deep", "k"]
    assert not template.constant
    assert template.variables == {"input"}


def test_input_data_is_never_evaluated() -> None:
    assert compile_template("${ .text }").evaluate({"text": "${ error }"}) == "${ error }"


@pytest.mark.parametrize("value", [5, None, "text", {"a": ["x", {}]}, "Hello ${ .name }"])
def test_data_without_expressions_is_constant(value: Json) -> None:
    template = compile_template(value)
    assert template.constant
    assert template.evaluate({"name": 1}) == value


def test_a_bare_expression_may_be_the_whole_template() -> None:
    template = compile_template("${ {a: .x} }")
    assert template.evaluate({"x": 1}) == {"a": 1}


def test_no_output_is_null() -> None:
    assert compile_template({"a": "${ empty }"}).evaluate(None) == {"a": None}


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        ("${ . | }", ""),
        ({"a": {"b/c~d": ["x", "${ nope }"]}}, "/a/b~1c~0d/1"),
        (["${ . }", "${ $secret }"], "/1"),
        ({"a": "${}"}, "/a"),
    ],
)
def test_errors_name_the_place_of_the_string(value: Json, pointer: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_template(value, variables=frozenset())
    assert caught.value.pointer == pointer
    assert isinstance(caught.value.cause, ExpressionSyntaxError)


def test_pointers_start_where_the_caller_says() -> None:
    with pytest.raises(TemplateError) as caught:
        compile_template({"with": "${ nope }"}, pointer="/do/0/send")
    assert caught.value.pointer == "/do/0/send/with"


def test_a_templates_expressions_share_one_budget() -> None:
    template = compile_template(["${ [range(900)] | length }", "${ [range(900)] | length }"])
    assert template.evaluate(None, budget=Budget(operations=2_500)) == [900, 900]
    with pytest.raises(ExpressionError, match="operations"):
        template.evaluate(None, budget=Budget(operations=1_500))


def test_now_reaches_every_expression() -> None:
    assert compile_template({"at": ["${ now }"]}).evaluate(None, now_us=2_000_000) == {"at": [2]}


def test_a_template_is_not_changed_by_what_it_makes() -> None:
    value: Json = {"a": {"b": "${ .x }"}, "c": [1]}
    template = compile_template(value)
    assert template.evaluate({"x": 1}) == {"a": {"b": 1}, "c": [1]}
    assert template.evaluate({"x": 2}) == {"a": {"b": 2}, "c": [1]}
    assert value == {"a": {"b": "${ .x }"}, "c": [1]}


@pytest.mark.parametrize(
    ("value", "truth"),
    [(None, False), (False, False), (True, True), (0, True), ("", True), ([], True), ({}, True)],
)
def test_truth_is_everything_but_null_and_false(value: Json, truth: bool) -> None:
    assert is_truthy(value) is truth
