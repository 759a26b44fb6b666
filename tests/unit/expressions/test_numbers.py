"""Numbers stay exact, or the evaluation fails."""

import pytest

from tidemill.expressions import ExpressionError, ExpressionSyntaxError, compile_expression
from tidemill.json import Json


@pytest.mark.parametrize(
    ("source", "document", "expected"),
    [
        (". + 1", 2**53, 2**53 + 1),
        (". - 1", 2**63, 2**63 - 1),
        (". * 1", 2**64 - 1, 2**64 - 1),
        (". == 9007199254740993", 2**53, False),
        (". % 10", 2**64 - 1, 5),
        ("-.", 2**63, -(2**63)),
        ("tojson", 2**64 - 1, "18446744073709551615"),
        ('"\\(.)"', 2**62 + 1, str(2**62 + 1)),
        ("floor", 2**62 + 1, 2**62 + 1),
        ("6 / 3", None, 2),
        ("sort", [2**53 + 1, 2**53], [2**53, 2**53 + 1]),
    ],
)
def test_integers_are_exact(source: str, document: Json, expected: Json) -> None:
    found = compile_expression(source).evaluate(document)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("source", "document"),
    [
        (". + 1", 2**64 - 1),
        (". - 1", -(2**63)),
        (". * 2", 2**63),
        ("-.", 2**64 - 1),
        ("add", [2**63, 2**63]),
        (". * 10", 1e308),
        ("pow(7; 2000000)", None),
        ("log", 0),
        ("sqrt", -1),
        ("exp", 1000),
        ("nan", None),
        ("infinite", None),
        ('"1e999" | tonumber', None),
        ('"18446744073709551616" | fromjson', None),
        ('"[NaN]" | fromjson', None),
        ("1 / 0", None),
        ("1 % 0", None),
    ],
)
def test_leaving_the_range_is_an_error_that_can_be_caught(source: str, document: Json) -> None:
    with pytest.raises(ExpressionError):
        compile_expression(source).evaluate(document)
    assert compile_expression(f'try ({source}) catch "caught"').evaluate(document) == "caught"


@pytest.mark.parametrize("source", ["1e999", "18446744073709551616", "-9223372036854775809"])
def test_a_literal_out_of_range_does_not_compile(source: str) -> None:
    with pytest.raises(ExpressionSyntaxError, match="out of range"):
        compile_expression(source)


def test_whole_results_are_integers() -> None:
    assert type(compile_expression("1.5 * 2").evaluate(None)) is int
    assert type(compile_expression("pow(2; 10)").evaluate(None)) is int
    assert type(compile_expression("0.1 + 0.2").evaluate(None)) is float
