"""What an expression says of itself, so that whoever evaluates it may take a shorter way, is true."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.expressions.programs import documents, programs
from tidemill.expressions import Budget, ExpressionError, ExpressionSyntaxError, Template, compile_template
from tidemill.expressions.expression import Expression
from tidemill.json import Json

NOTHING_LEFT = 0
VARIABLES: dict[str, Json] = {"x": {"a": {"b": [1, 2]}}, "y": [3], "input": {"id": 7}}


def outcome(formula: Expression | Template, value: Json, budget: Budget) -> tuple[Json, type | None]:
    """What it gives, and what kind of error it raises."""
    try:
        return formula.evaluate(value, VARIABLES, budget=budget), None
    except ExpressionError as error:
        return None, type(error)


@given(source=programs, document=documents)
def test_a_program_that_is_free_needs_no_budget_and_one_that_reads_no_input_gives_the_same_for_all(
    source: str, document: Json
) -> None:
    try:
        expression = Expression(source, None)
    except ExpressionSyntaxError:
        return
    whole = outcome(expression, document, Budget())
    if expression.is_free:
        assert outcome(expression, document, Budget(NOTHING_LEFT, NOTHING_LEFT)) == whole
    if not expression.reads_input:
        assert outcome(expression, None, Budget()) == whole


@pytest.mark.parametrize(
    ("source", "is_free", "reads_input"),
    [
        (".", True, True),
        (".a.b", True, True),
        ("$input", True, False),
        ("$input.id", True, False),
        ("{id: $input.id, kind: 1}", True, False),
        ("{id: $input.id, b: .b}", True, True),
        ('$input.id // "none"', True, False),
        ("$input | length", True, True),
        ("$input + {a: 1}", False, True),
        ('"\\($input.id)"', False, True),
        (".[]", False, True),
        ("now", False, True),
    ],
)
def test_what_spends_nothing_and_what_asks_for_no_input_is_known(
    source: str, is_free: bool, reads_input: bool
) -> None:
    expression = Expression(source, None)
    template = compile_template({"plain": 1, "held": [f"${{ {source} }}"]})
    assert (expression.is_free, expression.reads_input) == (is_free, reads_input)
    assert (template.is_free, template.reads_input) == (is_free, reads_input)


def test_a_template_is_as_dear_as_the_dearest_of_its_parts() -> None:
    template = compile_template({"cheap": "${ .a }", "dear": "${ [range(10)] | add }", "plain": 1})
    assert not template.is_free
    budget = Budget()
    assert template.evaluate({"a": 5}, budget=budget) == {"cheap": 5, "dear": 45, "plain": 1}
    assert budget.operations_left < Budget().operations_left


@given(st.sampled_from(["${ $input }", {"a": "${ $input.id }"}, [1, "${ {} }"]]), documents)
def test_a_template_that_reads_no_input_gives_the_same_for_all(value: Json, document: Json) -> None:
    template = compile_template(value)
    assert not template.reads_input
    assert template.evaluate(document, VARIABLES) == template.evaluate(None, VARIABLES)
