"""Each part of the language, on both ways of running it."""

import pytest

from tidemill.expressions.expression import Expression
from tidemill.json import Json

ORDER: Json = {
    "id": 7,
    "customer": {"name": "Ada", "tags": ["vip", "new"]},
    "lines": [
        {"sku": "a", "price": 3, "count": 2},
        {"sku": "b", "price": 10, "count": 1},
        {"sku": "c", "price": 1, "count": 9},
    ],
    "note": None,
}

CASES: list[tuple[str, Json, list[Json]]] = [
    # access
    (".", 3, [3]),
    (".customer.name", ORDER, ["Ada"]),
    (".missing.deeper", ORDER, [None]),
    ('.customer["name"]', ORDER, ["Ada"]),
    ('.customer."name"', ORDER, ["Ada"]),
    ('."customer".tags[0]', ORDER, ["vip"]),
    (".lines[-1].sku", ORDER, ["c"]),
    (".lines[7]", ORDER, [None]),
    (".lines[1:][0].sku", ORDER, ["b"]),
    (".lines[:-1] | length", ORDER, [2]),
    (".[1.2:2.1]", [1, 2, 3], [[2, 3]]),
    (".[2:4]", "abcdef", ["cd"]),
    (".lines[].price", ORDER, [3, 10, 1]),
    (".lines.[].sku", ORDER, ["a", "b", "c"]),
    ('.["id", "note"]', ORDER, [7, None]),
    (".a?", [1], []),
    (".a[]?", {"a": 1}, []),
    ("[.[] | .a?]", [{"a": 1}, 2, {"a": 3}], [[1, 3]]),
    ("[..]", [1, [2]], [[[1, [2]], 1, [2], 2]]),
    (".[[2]]", [1, 2, 1, 2], [[1, 3]]),
    # construction
    ("{id, who: .customer.name}", ORDER, [{"id": 7, "who": "Ada"}]),
    ('{(.customer.name): 1, "x": 2, "y\\(1 + 1)": 3}', ORDER, [{"Ada": 1, "x": 2, "y2": 3}]),
    ("{a: (1, 2), b: (3, 4)} | [.a, .b]", None, [[1, 3], [1, 4], [2, 3], [2, 4]]),
    ("5 as $n | {$n, m: $n}", None, [{"n": 5, "m": 5}]),
    ("{a: 1 + 2, b: null // 3}", None, [{"a": 3, "b": 3}]),
    ("[.lines[] | .count * .price]", ORDER, [[6, 10, 9]]),
    ("[]", None, [[]]),
    ('"total: \\(.id + 1), \\(.customer.tags)"', ORDER, ['total: 8, ["vip","new"]']),
    ('"\\(1, 2)-\\(3, 4)"', None, ["1-3", "2-3", "1-4", "2-4"]),
    ('"\\u00e9\\ud83d\\ude00\\n\\t\\"\\\\"', None, ['é😀\n\t"\\']),
    # operators
    ("1 + 2 * 3 - 4 / 2", None, [5]),
    ("7 / 2, 6 / 2, 7 % 3, -7 % 3", None, [3.5, 3, 1, -1]),
    ("(1, 2) + (10, 20)", None, [11, 12, 21, 22]),
    ('"a" + "b", "ab" * 3, "a,b" / ","', None, ["ab", "ababab", ["a", "b"]]),
    ("[1, 2, 1] - [1]", None, [[2]]),
    ("{a: {b: 1}} * {a: {c: 2}}", None, [{"a": {"b": 1, "c": 2}}]),
    ("{a: 1} + {b: 2}, null + 1, 1 + null", None, [{"a": 1, "b": 2}, 1, 1]),
    ("-.id, -(1)", ORDER, [-7, -1]),
    ("1 == 1.0, true == 1, [1] == [1.0], {} == []", None, [True, False, True, False]),
    ("null < false, false < true, true < 0, 0 < \"\", \"\" < [], [] < {}", None, [True] * 6),
    ('"a" < "B", [1, 2] < [1, 3], {"a": 2} < {"b": 1}', None, [False, True, True]),
    ("(true, false) and (true, false)", None, [True, False, False]),
    ("(true, false) or (true, false)", None, [True, True, False]),
    ("null and error", None, [False]),
    (".note // .missing // 5", ORDER, [5]),
    ("(null, 1, false, 2) // 3", None, [1, 2]),
    ("empty // 3", None, [3]),
    # control
    ("if .id > 5 then \"big\" elif .id > 2 then \"mid\" else \"small\" end", ORDER, ["big"]),
    ("if false then 1 end", 9, [9]),
    ("[if (true, false) then 1, 2 else 3 end]", None, [[1, 2, 3]]),
    ('try error("x") catch .', None, ["x"]),
    ("try error({a: 1}) catch .a", None, [1]),
    ('[.[] | try (if . > 1 then error("big") else . end) catch "caught"]', [1, 2], [[1, "caught"]]),
    ('[(1, error("x"), 3)?]', None, [[1]]),
    ('try (try error("a") catch error("b")) catch .', None, ["b"]),
    ("[label $out | .[] | if . > 2 then break $out else . end]", [1, 2, 3, 1], [[1, 2]]),
    ("label $a | (label $b | 1, break $a, 2), 3", None, [1]),
    ("reduce .lines[] as $line (0; . + $line.price * $line.count)", ORDER, [25]),
    ("reduce (1, 2) as $x ((10, 20); . + $x)", None, [13, 23]),
    ("reduce (1, 2) as $x (0; empty)", None, [None]),
    ("[foreach (1, 2, 3) as $x (0; . + $x)]", None, [[1, 3, 6]]),
    ("[foreach (1, 2, 3) as $x (0; . + $x; [$x, .])]", None, [[[1, 1], [2, 3], [3, 6]]]),
    # variables and destructuring
    ("1 + 2 as $x | $x * 10", None, [30]),
    ("1 as $x | [$x, (2 as $x | $x), $x]", None, [[1, 2, 1]]),
    (". as [$a, {b: $c}] | [$a, $c]", [1, {"b": 2}], [[1, 2]]),
    (". as {$a, b: [$c, {$d}]} | [$a, $c, $d]", {"a": 1, "b": [2, {"d": 3}]}, [[1, 2, 3]]),
    ('. as {"x": $a, ("y", "z"): $b} | [$a, $b]', {"x": 1, "y": 2, "z": 3}, [[1, 2], [1, 3]]),
    (". as {$a: [$b]} | [$a, $b]", {"a": [1]}, [[[1], 1]]),
    ("[.[] as [$a] ?// $a | $a]", [[1], 2], [[1, 2]]),
    (". as [$a] ?// {b: $b} | [$a, $b]", {"b": 2}, [[None, 2]]),
    ("reduce .[] as [$a, $b] (0; . + $a * $b)", [[1, 2], [3, 4]], [14]),
    ("[foreach .[] as {$a} (0; . + $a; [$a, .])]", [{"a": 1}, {"a": 2}], [[[1, 1], [2, 3]]]),
    # functions
    ("def twice(f): f | f; .id | twice(. * 2)", ORDER, [28]),
    ("def add($a; $b): $a + $b; add(1; 2), add(1, 2; 3)", None, [3, 4, 5]),
    ("def f: def g: . + 1; g | g; 1 | f", None, [3]),
    ("def fac: if . <= 1 then 1 else . * (. - 1 | fac) end; 10 | fac", None, [3628800]),
    ("def f: 1; def g: f; def f: 2; [f, g]", None, [[2, 1]]),
    ("def f(g): 3 as $x | g; 1 as $x | f($x)", None, [1]),
    ("def down: if . < 1000 then . + 1 | down else . end; 0 | down", None, [1000]),
    ("def deep: if . == 0 then 0 else 1 + (. - 1 | deep) end; 1000 | deep", None, [1000]),
    # paths and assignment
    ('[path(.a[0, 1].b, .["c"])]', None, [[["a", 0, "b"], ["a", 1, "b"], ["c"]]]),
    ("[paths]", {"a": [1]}, [[["a"], ["a", 0]]]),
    ('[paths(type == "number")]', {"a": [1, "x"]}, [[["a", 0]]]),
    ('getpath(["a", 0]), getpath(["x", "y"])', {"a": [5]}, [5, None]),
    ("[path(first(.a, .b)), path(getpath([\"x\"]) | .y)]", None, [[["a"], ["x", "y"]]]),
    ("[path(.. | select(type == \"number\"))]", [[1], 2], [[[0, 0], [1]]]),
    (".a = 1", {"b": 2}, [{"b": 2, "a": 1}]),
    (".a = (1, 2)", {}, [{"a": 1}, {"a": 2}]),
    (".a.b.c |= 1", None, [{"a": {"b": {"c": 1}}}]),
    (".[] += 1", [1, 2], [[2, 3]]),
    (".a -= 1 | .b *= 2 | .c /= 2 | .d %= 2", {"a": 1, "b": 2, "c": 3, "d": 5},
     [{"a": 0, "b": 4, "c": 1.5, "d": 1}]),
    (".a //= 5 | .b //= 5", {"a": None, "b": 1}, [{"a": 5, "b": 1}]),
    ("(.[] | select(. > 2)) |= empty", [1, 3, 2, 4], [[1, 2]]),
    (".a[1:] |= map(. * 2)", {"a": [1, 2, 3]}, [{"a": [1, 4, 6]}]),
    (".[2:4] = [9]", [0, 1, 2, 3, 4], [[0, 1, 9, 4]]),
    ("del(.a, .b.c)", {"a": 1, "b": {"c": 2, "d": 3}}, [{"b": {"d": 3}}]),
    ("del(.[0], .[-1])", [1, 2, 3], [[2]]),
    ("del(.[1:3])", [1, 2, 3, 4], [[1, 4]]),
    ('setpath(["a", 1]; 5), delpaths([["a"]])', {"a": [1]}, [{"a": [1, 5]}, {}]),
    ("pick(.a.b, .c[1])", {"a": {"b": 1, "x": 2}, "c": [3, 4]}, [{"a": {"b": 1}, "c": [None, 4]}]),
    (".[0] = .[1]", [1, 2], [[2, 2]]),
    ("to_entries", {"b": 1, "a": 2}, [[{"key": "b", "value": 1}, {"key": "a", "value": 2}]]),
    ("with_entries(.value += 1)", {"a": 1}, [{"a": 2}]),
    ('[{"name": "a", "value": 1}, {"key": "b"}] | from_entries', None, [{"a": 1, "b": None}]),
    ("map_values(. + 1), map_values(empty)", {"a": 1}, [{"a": 2}, {}]),
    ('walk(if type == "number" then . + 1 end)', {"a": [1, {"b": 2}]}, [{"a": [2, {"b": 3}]}]),
]  # fmt: skip


@pytest.mark.parametrize("closures", [True, False], ids=["closures", "machine"])
@pytest.mark.parametrize(("source", "document", "outputs"), CASES)
def test_language_gives_these_outputs(
    source: str, document: Json, outputs: list[Json], closures: bool
) -> None:
    assert Expression(source, frozenset(), closures=closures).evaluate_all(document) == outputs


def test_evaluate_gives_the_first_output_or_none() -> None:
    assert Expression("1, error", None).evaluate(None) == 1
    assert Expression("empty", None).evaluate(5) is None
    assert Expression(".[]", None).evaluate([]) is None


def test_variables_come_from_the_caller_and_are_listed() -> None:
    expression = Expression("$input.a + $context.b + (3 as $local | $local)", None)
    assert expression.variables == {"input", "context"}
    assert expression.evaluate(None, {"input": {"a": 1}, "context": {"b": 2}, "unused": 0}) == 6


def test_functions_see_the_callers_variables() -> None:
    assert Expression("def f: $input.a; [f, f]", None).evaluate(None, {"input": {"a": 1}}) == [1, 1]


@pytest.mark.parametrize(
    "source", [".a.b = 9", "del(.a)", ".list[0] |= 5", ".list += [1]", "walk(.)", ".a + {x: 1}"]
)
def test_inputs_are_never_changed(source: str) -> None:
    document: Json = {"a": {"b": 1}, "list": [1, 2]}
    Expression(source, None).evaluate_all(document)
    assert document == {"a": {"b": 1}, "list": [1, 2]}


def test_an_update_does_not_change_what_it_handed_out_before() -> None:
    source = ".a |= {old: .} | .a.old.x |= . + 1 | [.a.old.x, .a]"
    assert Expression(source, None).evaluate({"a": {"x": 1}}) == [2, {"old": {"x": 2}}]
    nested = '(.a.x, .a, .a.copy.x) |= (if type == "object" then {x: 0, copy: ., again: .} else . + 1 end)'
    found = Expression(nested, None).evaluate({"a": {"x": 1}})
    assert found == {"a": {"x": 0, "copy": {"x": 3}, "again": {"x": 2}}}
