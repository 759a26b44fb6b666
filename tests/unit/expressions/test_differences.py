"""Where we differ from jq on purpose. The table in docs/expressions.md says the same."""

from pathlib import Path

import pytest

from tests.unit.expressions.programs import Outcome, run_jq, run_ours
from tidemill.json import Json

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "expressions.md"

FAILS = Outcome([], failed=True)
DOES_NOT_COMPILE = Outcome([], failed=False, compiled=False)


def gives(*outputs: Json) -> Outcome:
    return Outcome(list(outputs), failed=False)


# Title as in the documentation, program, input, what jq gives, what we give.
DIFFERENCES = [
    ("Exact integers", ". + 1", 2**53 + 1, gives(2**53), gives(2**53 + 2)),
    ("Exact integers", ". * 2", 2**63, gives(2.0**64), FAILS),
    ("NaN and infinities", "nan", None, gives(None), FAILS),
    ("NaN and infinities", "[infinite]", None, gives([1.7976931348623157e308]), FAILS),
    ("NaN and infinities", "0 | log", None, gives(-1.7976931348623157e308), FAILS),
    ("Literals out of range", "1e1000", None, gives(1.7976931348623157e308), DOES_NOT_COMPILE),
    ("Number texts", "1.50 | tojson", None, gives("1.50"), gives("1.5")),
    ("Number texts", "3.0 | tojson", None, gives("3.0"), gives("3")),
    ("Remainder", "1e19 % 7", None, gives(0), gives(3)),
    ("Regular expressions", '"aa" | test("(?=a)a")', None, gives(True), FAILS),
    ("Regular expressions", '"é" | test("\\\\w")', None, gives(True), gives(False)),
    ("Regular expressions", '"b\\n" | test("b$")', None, gives(True), gives(False)),
    ("Regular expressions", '[ "a b" | match("b*?"; "n").string ]', None, gives(["b"]), gives([])),
    ("Regular expressions", '["a b" | match("\\\\s*"; "l").string]', None, gives([" "]), gives([""])),
    ("Regular expressions", '[ "é" | match("b?"; "g").string ]', None, gives(["", "", ""]), gives(["", ""])),
    ("Breaks are not errors", "label $x | try break $x catch 1", None, gives(1), gives()),
    ("Paths by definition", "pick(index(1))", None, gives([None, [None]]), gives(None)),
    ("Paths by definition", "[path(last(.a, .b))]", None, gives([[]]), gives([["b"]])),
    ("Paths by definition", "[0] | [path(.[0] | tonumber)]", None, gives([[0]]), FAILS),
    ("Depth of a search", "reduce range(150) as $i (1; [.]) | contains(.)", None, gives(True), FAILS),
    ("More builtins", "1 | toarray", None, DOES_NOT_COMPILE, gives([1])),
    ("More builtins", '"a" | @base32', None, FAILS, gives("ME======")),
    ("Times without a date", '"10:20" | strptime("%H:%M") | .[2]', None, gives(0), gives(1)),
    ("Refused builtins", "env | type", None, gives("object"), DOES_NOT_COMPILE),
    ("Refused builtins", "debug", 1, gives(1), DOES_NOT_COMPILE),
]


@pytest.mark.parametrize(("title", "source", "document", "by_jq", "by_us"), DIFFERENCES)
def test_a_listed_difference_is_one(
    title: str, source: str, document: Json, by_jq: Outcome, by_us: Outcome
) -> None:
    assert run_jq(source, document) == by_jq
    assert run_ours(source, document, closures=True) == by_us
    assert run_ours(source, document, closures=False) == by_us


@pytest.mark.parametrize("title", sorted({title for title, *_ in DIFFERENCES}))
def test_every_difference_is_documented(title: str) -> None:
    assert f"| {title} |" in DOCUMENTATION.read_text()
