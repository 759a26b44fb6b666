"""The builtin functions, by theme, on both ways of running them."""

import pytest

from tidemill.expressions import compile_expression
from tidemill.expressions.expression import Expression
from tidemill.json import Json

CASES: list[tuple[str, Json, list[Json]]] = [
    # collections
    ("length", [None, 1], [2]),
    ('[.[] | length]', ["aé", {"a": 1}, None, -5], [[2, 1, 0, 5]]),
    ("keys, keys_unsorted", {"b": 1, "a": 2}, [["a", "b"], ["b", "a"]]),
    ('has("a"), has("z")', {"a": None}, [True, False]),
    ("map(has(1))", [[1], [1, 2]], [[False, True]]),
    ('"a" | in({"a": 1})', None, [True]),
    ("map(. + 1)", [1, 2], [[2, 3]]),
    ("add, add(.[] * 2)", [1, 2, 3], [6, 12]),
    ("add", ["a", "b"], ["ab"]),
    ("add", [[1], [2]], [[1, 2]]),
    ("add", [], [None]),
    ("any, all", [True, False], [True, False]),
    ("any(. > 2), all(. > 0)", [1, 3], [True, True]),
    ("any(.[]; . == 3), all(empty; error)", [1, 3], [True, True]),
    ("flatten, flatten(1)", [1, [2, [3]]], [[1, 2, 3], [1, 2, [3]]]),
    ("reverse", [1, 2], [[2, 1]]),
    ('contains("b"), inside("abcd")', "abc", [True, True]),
    ("contains({a: [1]})", {"a": [2, 1], "b": 0}, [True]),
    ('index("b"), rindex("b"), indices("b")', "abcb", [1, 3, [1, 3]]),
    ("index(2), indices([1, 2])", [1, 2, 1, 2], [1, [0, 2]]),
    ('join("-")', ["a", 1, None, True], ["a-1--true"]),
    ("transpose", [[1, 2], [3]], [[[1, 3], [2, None]]]),
    ("toarray, (.[] | toarray)", [1], [[1], [1]]),
    ("first, last, nth(1)", [5, 6, 7], [5, 7, 6]),
    ("first(.[]), last(.[]), nth(1; .[])", [5, 6, 7], [5, 7, 6]),
    ("[first(empty), last(empty)]", None, [[]]),
    ("[limit(2; .[])], [skip(2; .[])], [limit(0; error)]", [1, 2, 3], [[1, 2], [3], []]),
    ("isempty(empty), isempty(1, error)", None, [True, False]),
    ("[range(3)], [range(1; 3)], [range(5; 0; -2)], [range(0, 1; 2, 3)]", None,
     [[0, 1, 2], [1, 2], [5, 3, 1], [0, 1, 0, 1, 2, 1, 1, 2]]),
    ("[.[] | select(. > 1)]", [1, 2, 3], [[2, 3]]),
    ("[recurse(if . < 3 then . + 1 else empty end)]", 1, [[1, 2, 3]]),
    ("[recurse(. * .; . < 100)]", 2, [[2, 4, 16]]),
    ("[while(. < 10; . * 2)], until(. > 9; . * 2)", 1, [[1, 2, 4, 8], 16]),
    ("[limit(3; repeat(. * 2))]", 1, [[2, 2, 2]]),
    ("[combinations]", [[1, 2], [3, 4]], [[[1, 3], [1, 4], [2, 3], [2, 4]]]),
    ("[combinations(2)]", [0, 1], [[[0, 0], [0, 1], [1, 0], [1, 1]]]),
    ("[.[] | scalars], [.[] | iterables], [.[] | strings]", [1, [2], "a"], [[1, "a"], [[2]], ["a"]]),
    ("[.[] | values], [.[] | nulls], [.[] | booleans]", [1, None, True], [[1, True], [None], [True]]),
    ("[tostream]", {"a": [1]}, [[[["a", 0], 1], [["a", 0]], [["a"]]]]),
    ("fromstream(tostream)", {"a": [1, {"b": 2}]}, [{"a": [1, {"b": 2}]}]),
    ("[1 | truncate_stream([[0], 1], [[1, 0], 2], [[1, 0]], [[1]])]", None, [[[[0], 2], [[0]]]]),
    ("INDEX(.id)", [{"id": 1}], [{"1": {"id": 1}}]),
    ("IN(2, 3), IN(5)", 2, [True, False]),
    ('[JOIN({"1": "x"}; .[0] | tostring)]', [[1]], [[[[[1], "x"]]]]),
    ("[splits(\", *\")]", "a, b,c", [["a", "b", "c"]]),
    ("getpath([\"a\", 0])", {"a": [7]}, [7]),
    # ordering
    ("sort", [{"a": 1}, "b", None, 2, [1], True, 1.5, False], [[None, False, True, 1.5, 2, "b",
     [1], {"a": 1}]]),
    ("sort_by(.a), sort_by(-.a)", [{"a": 2}, {"a": 1}], [[{"a": 1}, {"a": 2}], [{"a": 2}, {"a": 1}]]),
    ("sort_by(.a, .b)", [{"a": 1, "b": 2}, {"a": 1, "b": 1}], [[{"a": 1, "b": 1}, {"a": 1, "b": 2}]]),
    ("group_by(. % 2)", [1, 2, 3], [[[2], [1, 3]]]),
    ("unique, unique_by(. % 2)", [3, 1, 3, 2], [[1, 2, 3], [2, 3]]),
    ("min, max", [2, 3, 1], [1, 3]),
    ("min_by(.a), max_by(.a)", [{"a": 2}, {"a": 1}], [{"a": 1}, {"a": 2}]),
    ("bsearch(2), bsearch(5), bsearch(0)", [1, 2, 3], [1, -4, -1]),
    # types and conversions
    ("[.[] | type]", [None, True, 1, "a", [], {}],
     [["null", "boolean", "number", "string", "array", "object"]]),
    ('[.[] | tostring]', [1, "a", [1, None], 1.5], [["1", "a", "[1,null]", "1.5"]]),
    ('[.[] | tonumber]', ["1", "-2.5", "1e3", 4], [[1, -2.5, 1000, 4]]),
    ('("true", false) | toboolean', None, [True, False]),
    ("tojson, (tojson | fromjson)", {"b": [1, "é\u007f"]}, ['{"b":[1,"é\\u007f"]}', {"b": [1, "é\u007f"]}]),
    ("not", None, [True]),
    ("isnan, isinfinite, isnormal", 1, [False, False, True]),
    ("have_literal_numbers", None, [True]),
    ('builtins | contains(["map/1", "sub/2"])', None, [True]),
    # strings
    ('startswith("ab"), endswith("bc")', "abc", [True, True]),
    ('ltrimstr("a"), rtrimstr("c"), trimstr("a"), ltrimstr("x")', "abc", ["bc", "ab", "bc", "abc"]),
    ("trim, ltrim, rtrim", " a ", ["a", "a ", " a"]),
    ('split(",")', "a,b", [["a", "b"]]),
    ("ascii_downcase, ascii_upcase", "aBé", ["abé", "ABé"]),
    ("explode, (explode | implode)", "aé", [[97, 233], "aé"]),
    ("utf8bytelength", "aé", [3]),
    ("[.[] | ascii]", [65, 97], [["A", "a"]]),
    # formats
    ('@text, @json', [1, "a"], ['[1,"a"]', '[1,"a"]']),
    ("@csv, @tsv", [1, 'a"b', True, None], ['1,"a""b",true,', '1\ta"b\ttrue\t']),
    ("@html", "<a href='x'>&\"", ["&lt;a href=&apos;x&apos;&gt;&amp;&quot;"]),
    ("@uri, (@uri | @urid)", "a b/é", ["a%20b%2F%C3%A9", "a b/é"]),
    ("@sh", ["it's", 1], ["'it'\\''s' 1"]),
    ("@base64, (@base64 | @base64d)", "héllo", ["aMOpbGxv", "héllo"]),
    ("@base32, (@base32 | @base32d)", "hello", ["NBSWY3DP", "hello"]),
    ('@uri "?q=\\(.)"', "a&b", ["?q=a%26b"]),
    ('@json "v=\\(.)"', "x", ['v="x"']),
    # regular expressions
    ('test("B"; "i"), test("^b")', "abc", [True, False]),
    ('test(["B", "i"])', "abc", [True]),
    ('[match("a(?<rest>b)?"; "g") | [.offset, .length, .string, .captures[0].string]]', "abxa",
     [[[0, 2, "ab", "b"], [3, 1, "a", None]]]),
    ('capture("(?<year>[0-9]+)-(?<month>[0-9]+)")', "on 2024-05", [{"year": "2024", "month": "05"}]),
    ('[scan("[a-z][0-9]")], [scan("([a-z])([0-9])")]', "a1 b2", [["a1", "b2"], [["a", "1"], ["b", "2"]]]),
    ('split(", *"; null)', "a, b,c", [["a", "b", "c"]]),
    ('sub("b"; "-"), gsub("b"; "-")', "abab", ["a-ab", "a-a-"]),
    ('gsub("(?<letter>[a-z])"; "<\\(.letter)>")', "a1b", ["<a>1<b>"]),
    ('[sub("(?<x>b)"; .x + "1", .x + "2")]', "abc", [["ab1c", "ab2c"]]),
    ('gsub("^"; ">"), gsub("$"; "<"), gsub(""; "-")', "ab", [">ab", "ab<", "-a-b-"]),
    ('[match("日"; "g").offset]', "a日b日", [[1, 3]]),
    ('test("a . b"; "x"), test("a.b"; "s"), test("a.b"; "p")', "a\nb", [False, False, True]),
    ('test("\\\\h+")', "high", [True]),
    # mathematics
    ("floor, ceil, round, trunc", -1.5, [-2, -1, -2, -1]),
    ("sqrt, pow(.; 2), log2, exp2", 4, [2, 16, 2, 16]),
    ("[fmin(1; 2), fmax(1; 2), fmod(7; 3), hypot(3; 4), fma(2; 3; 4)]", None, [[1, 2, 1, 5, 10]]),
    ("abs, fabs, significand, logb", -10, [10, 10, -1.25, 3]),
    ("frexp, modf, ldexp(.; 2)", 3.5, [[0.875, 2], [0.5, 3], 14]),
    # dates
    ("todate, gmtime", 1425599507, ["2015-03-05T23:51:47Z", [2015, 2, 5, 23, 51, 47, 4, 63]]),
    ("fromdate", "2015-03-05T23:51:47Z", [1425599507]),
    ("gmtime | mktime", 951782400, [951782400]),
    ('strftime("%A %d %B %Y %H:%M %j %U %V %G %u %p")', 1425599507,
     ["Thursday 05 March 2015 23:51 064 09 10 2015 4 PM"]),
    ('strptime("%d %b %Y %I:%M %p") | mktime', "05 Mar 2015 11:51 PM", [1425599460]),
    ("localtime == gmtime", 5, [True]),
    ("dateadd(\"seconds\"; 5) | todate", 0, ["1970-01-01T00:00:05Z"]),
]  # fmt: skip


@pytest.mark.parametrize("closures", [True, False], ids=["closures", "machine"])
@pytest.mark.parametrize(("source", "document", "outputs"), CASES)
def test_builtin_gives_these_outputs(
    source: str, document: Json, outputs: list[Json], closures: bool
) -> None:
    assert Expression(source, frozenset(), closures=closures).evaluate_all(document) == outputs


def test_now_is_the_recorded_time() -> None:
    assert compile_expression("now").evaluate(None, now_us=1_500_000) == 1.5
    assert compile_expression("now | todate").evaluate(None, now_us=86_400_000_000) == "1970-01-02T00:00:00Z"


def test_a_user_may_redefine_a_builtin_without_harm_to_the_others() -> None:
    source = "def map(f): 0; def select(f): 0; [map(.), with_entries(.), (.[] | values)]"
    assert compile_expression(source).evaluate({"a": 1}) == [0, {"a": 1}, 1]
