"""Hypothesis strategies for programs and documents, and jq itself to compare with."""

import json
from dataclasses import dataclass

import pytest
from hypothesis import strategies as st

from tests.unit.expressions.samples import SAMPLES, uses_more_than_jq
from tidemill.expressions import Budget, ExpressionError, ExpressionSyntaxError
from tidemill.expressions.errors import BudgetExceededError
from tidemill.expressions.expression import Expression
from tidemill.json import Json

jq = pytest.importorskip("jq", reason="the oracle is a development dependency")

KEYS = ("a", "b", "c", "key", "value")

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-20, 20),
    st.sampled_from([0.5, -1.5, 2.25, 100.5]),
    st.sampled_from(["", "a", "b", "abc", "a,b", "é日x", "12", " pad "]),
)
documents = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
    ),
    max_leaves=8,
)

# What agrees with jq by itself, with its input: so that all builtins meet all else, and with values.
_samples = st.sampled_from(
    [f"({json.dumps(document)} | {source})" for source, document in SAMPLES if not uses_more_than_jq(source)]
)
_atoms = st.sampled_from(
    [
        *(
            ".",
            ".",
            ".a",
            ".b",
            ".a.b",
            ".[0]",
            ".[-1]",
            ".[1:]",
            ".[:-1]",
            ".[]",
            ".[]?",
            ".a?",
            '."key"',
            "..",
        ),
        *("1", "0", "-2", "1.5", '"a"', '"abc"', "null", "true", "false", "[]", "{}", "[1,2,3]", '{"a":1}'),
        *(
            "$x",
            "$y",
            "empty",
            "length",
            "keys",
            "add",
            "not",
            "type",
            "tojson",
            "tostring",
            "reverse",
            "sort",
        ),
        *(
            "unique",
            "to_entries",
            "from_entries",
            "floor",
            "min",
            "max",
            "flatten",
            "any",
            "all",
            "first",
            "last",
        ),
        *(
            "paths",
            "values",
            "scalars",
            "tonumber",
            "ascii_downcase",
            "explode",
            "transpose",
            "tostream",
            "abs",
        ),
        *("@json", "@text", "@csv", "@html", "@uri", "@sh", "@base64", "utf8bytelength", "trim"),
        *(
            "numbers",
            "strings",
            "arrays",
            "objects",
            "iterables",
            "keys_unsorted",
            "error",
            "fromjson",
            "isnormal",
        ),
    ]
)
_binary_operators = st.sampled_from(
    ["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "and", "or", "//", ",", "|", "|"]
)
_unary_calls = st.sampled_from(
    [
        *("map", "select", "map_values", "first", "last", "isempty", "any", "all", "sort_by", "group_by"),
        *(
            "unique_by",
            "min_by",
            "max_by",
            "with_entries",
            "del",
            "path",
            "paths",
            "has",
            "contains",
            "inside",
        ),
        *(
            "index",
            "indices",
            "rindex",
            "join",
            "split",
            "ltrimstr",
            "rtrimstr",
            "startswith",
            "error",
            "walk",
        ),
        *(
            "add",
            "flatten",
            "range",
            "in",
            "getpath",
            "delpaths",
            "test",
            "match",
            "IN",
            "INDEX",
            "pick",
            "nth",
        ),
        *("capture", "scan", "splits", "endswith", "combinations", "fromstream", "trimstr"),
    ]
)
_wrappers = st.sampled_from(
    [
        "[{}]",
        "({})",
        "[{}]",
        "try ({})",
        "({})?",
        "-({})",
        "first({})",
        "[limit(3; {})]",
        "[({}), 1]",
        "[.[]? | {}]",
        'try ({}) catch "caught"',
        "{{a: ({})}}",
        "{{({}): 1}}",
        "[skip(1; {})]",
        "[.[{}]]",
        "if {} then 1 else 2 end",
        "if {} then . end",
        "{} as $x | [$x, .]",
        "{} as [$x, $y] | [$y, $x]",
        "{} as {{a: $x, b: [$y]}} | [$x, $y]",
        ". as [$x] ?// $y | [$x, $y, ({})]",
        '"<\\({})>"',
        '@json "\\({})"',
        "reduce ({}) as $x (0; . + 1)",
        "reduce .[]? as $x (null; {})",
        "[foreach ({}) as $x (0; . + 1; [$x, .])]",
        "label $out | ({}), break $out, 1",
        "def f: {}; [f, f]",
        "def f(g): g | g; f({})",
        "def f($v): $v; f({})",
        ".a = ({})",
        ".a |= ({})",
        ".[0]? |= ({})",
        ".[]? |= ({})",
        ".a += ({})",
        ".b //= ({})",
        ".[1:]? = ({})",
        "({}) |= 1",
        "({}) = 2",
        "del({})",
        "[path({})]",
        "to_entries | map({})",
        '[getpath(["a", 0]) | {}]',
        "[limit(9; while(. != null; {} | null))]",
        "[limit(9; [., 1] | until(length > 3; . + [1, ({})]))]",
        "[limit(9; recurse({} | select(. == 0)))]",
        "limit(2; {})",
        "[range(0; 3) | . as $x | {}]",
        "[.[]? as $x | {}]",
        "(.[0]?, .a?) |= ({})",
        "[.. | {}]",
    ]
)

programs = st.recursive(
    st.one_of(_atoms, _atoms, _samples),
    lambda inner: st.one_of(
        st.tuples(inner, _binary_operators, inner).map(lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"),
        st.tuples(_unary_calls, inner).map(lambda parts: f"{parts[0]}({parts[1]})"),
        st.tuples(_wrappers, inner).map(lambda parts: "(" + parts[0].format(parts[1]) + ")"),
        st.tuples(inner, st.sampled_from([".a", ".b?", "[0]", "[]?", "[1:]", "?"])).map(
            lambda parts: f"({parts[0]}){parts[1]}"
        ),
    ),
    max_leaves=6,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a program gave: its outputs up to the end or to an error."""

    outputs: list[Json]
    failed: bool
    compiled: bool = True


class TooExpensiveError(Exception):
    """The program is over budget, so that there is nothing to compare."""


def run_jq(source: str, document: Json) -> Outcome:
    """The outcome by jq, with $x and $y as null."""
    outputs: list[Json] = []
    try:
        program = jq.compile(source, args={"x": None, "y": None})
    except ValueError:
        return Outcome([], failed=False, compiled=False)
    try:
        for output in program.input_value(document):
            outputs.append(output)
    except ValueError:
        return Outcome(outputs, failed=True)
    return Outcome(outputs, failed=False)


def run_ours(source: str, document: Json, *, closures: bool) -> Outcome:
    """The outcome by our own evaluator; raises TooExpensiveError."""
    outputs: list[Json] = []
    try:
        expression = Expression(source, frozenset("xy"), closures=closures)
    except ExpressionSyntaxError:
        return Outcome([], failed=False, compiled=False)
    try:
        for output in expression.outputs(document, {"x": None, "y": None}, budget=Budget()):
            outputs.append(output)
    except BudgetExceededError as error:
        raise TooExpensiveError from error
    except ExpressionError:
        return Outcome(outputs, failed=True)
    return Outcome(outputs, failed=False)
