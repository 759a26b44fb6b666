"""Programs with an input on which they give outputs: together they use every builtin and every construct."""

from collections.abc import Iterator

from tests.unit.expressions import test_builtins, test_language
from tidemill.expressions import syntax
from tidemill.expressions.parser import parse
from tidemill.json import Json

# Builtins that jq does not have, or that give no number here (docs/expressions.md).
MORE_THAN_JQ = frozenset(
    ["toarray/0", "ascii/0", "date/0", "dateadd/2", "datesub/2", "leaf_paths/0", "nan/0", "infinite/0"]
)
# The recorded time is no clock, and jq's own list of builtins is another one.
OWN_ANSWERS = frozenset(["now/0", "builtins/0"])
_MORE_FORMATS = ("@base32",)

_ROWS: Json = [{"id": 1, "n": "a"}, {"id": 2, "n": "b"}]
_MORE: list[tuple[str, Json]] = [
    ("IN(.[]; 1, 2), IN(.[]; 5)", [2]),
    ("INDEX(.[]; .id)", _ROWS),
    ('[JOIN({"1": "x"}; .[]; .id | tostring)]', _ROWS),
    ('[JOIN({"1": "x"}; .[]; .id | tostring; .[1])]', _ROWS),
    ("map(arrays, objects, numbers, strings)", [1, "a", [2], {"b": 3}, None]),
    ("map(finites, normals, (numbers | isfinite))", [0, 1.5, "a"]),
    ("[.[] | sin, cos, tan, sinh, cosh, tanh, exp, expm1]", [0, 0.5, 1, -2.5]),
    ("[.[] | asin, acos, atan, atanh, asinh, erf, erfc]", [0, 0.5, -0.25]),
    ("[.[] | acosh, cbrt, log, log10, log1p, log2, sqrt]", [1, 2, 3.75, 100]),
    ("[.[] | lgamma, gamma, lgamma_r]", [1, 2]),
    ("[.[] | exp10, exp2, tgamma]", [1, 2, 5]),
    ("[.[] | rint, nearbyint, round, ceil, floor, trunc]", [0.5, 1.5, -2.5, 2.4999]),
    ("[.[] as $x | .[] as $y | atan2($x; $y), copysign($x; $y), drem($x; $y)]", [0.5, -3, 7]),
    ("[.[] as $x | .[] as $y | fdim($x; $y), remainder($x; $y), fmod($x; $y)]", [0.5, -3, 7]),
    ("[.[] as $x | .[] as $y | nextafter($x; $y), nexttoward($x; $y)]", [0.5, -3, 7]),
    ("[.[] as $x | scalb($x; 3), scalbln($x; -2), ldexp($x; 4)]", [0.5, -3, 7]),
    ('capture("(?<x>A)(?<y>z)?"; "i"), capture(["(?<x>B)", "i"])', "ab"),
    ('[match("a"), match(["A", "gi"]) | .offset]', "aba"),
    ('[scan("A"; "i")], [splits("B"; "i")]', "aba"),
    ('sub("A"; "x"; "i"), gsub("A"; "x"; "i"), gsub("a|(?<n>b)"; "<\\(.n)>"; "")', "aba"),
    ("todateiso8601, (todateiso8601 | fromdateiso8601), strflocaltime(\"%H:%M\")", 1425599507),
    ("have_decnum, have_literal_numbers", None),
    ("[.[] | try fromjson catch .]", ["[1", "{'a': 1}", "01", "tru", "[1 2]", "{}}", "1 2", '"\\ud800"']),
    ("[limit(3; range(9))], [skip(7; range(9))], [first(range(9)), nth(2; range(9))]", None),
    (". as [$a, {b: $c}] ?// $a | [$a, $c]", [1, {"b": 2}]),
    ('reduce .[] as [$a, {$b}] ("x"; . + ($a | tostring) + $b)', [[1, {"b": "y"}], [2, {"b": "z"}]]),
    ("[foreach .[] as {id: $a} (0; . + $a; [$a, .])]", _ROWS),
    ("[label $f | .[] | if .id == 2 then break $f else .n end]", _ROWS),
    ("def f($a; g): [$a, g]; f(.[].id; .[0].n)", _ROWS),
    (".[1:] |= map(.id), (.[] | select(.id == 1) | .n) |= ascii_upcase, (.[0] | .id -= 1)", _ROWS),
    (".[0].id *= 3 | .[1].id /= 4 | .[0].id %= 2 | .[0].z //= 7 | .[1].n += \"c\"", _ROWS),
    ("delpaths([[0, \"id\"], [1]]), to_entries, del(.[0, 1].n), paths, pick(.[1].n)", _ROWS),
    ("@text, @json, (map(.n) | @csv, @tsv, @sh), @html, @uri, @base64, (map(.id) | tojson)", _ROWS),
    ("ltrimstr(\"a\"), rtrimstr(\"b\"), trimstr(\"a\"), ltrim, rtrim, trim, ascii_downcase", "ab a"),
    ("getpath([0, \"n\"]), setpath([0, \"n\"]; 5), [tostream], fromstream(tostream), [.[] | keys]", _ROWS),
    ("-(.[].id), (.[0].id, .[1].id) - 1, .[0].id * .[1].id, .[0].id / .[1].id, 7 % .[1].id", _ROWS),
    ("[.[] | .id > 1 and .n == \"b\" or false], (.[0] < .[1]), ([.[].id] == [1, 2] | not)", _ROWS),
    ("[error?], (try error({a: 1}) catch .a), [.[] | .id?, .[0]?], (.[5].id // \"none\")", _ROWS),
]  # fmt: skip

SAMPLES: list[tuple[str, Json]] = [
    *((source, document) for source, document, _ in test_language.CASES),
    *((source, document) for source, document, _ in test_builtins.CASES),
    *_MORE,
]


def nodes(tree: syntax.Node) -> Iterator[syntax.Node]:
    """A tree's nodes, each before those under it."""
    yield tree
    for child in syntax.children(tree):
        yield from nodes(child)


def calls(source: str) -> set[str]:
    """The builtins and functions that a program calls, as `name/arity`."""
    return {
        f"{node.name}/{len(node.arguments)}" for node in nodes(parse(source)) if isinstance(node, syntax.Call)
    }


def uses_more_than_jq(source: str) -> bool:
    """True for a program that jq cannot run, or answers in its own way."""
    return bool(calls(source) & (MORE_THAN_JQ | OWN_ANSWERS)) or any(name in source for name in _MORE_FORMATS)
