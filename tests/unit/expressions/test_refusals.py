"""What does not compile, what fails, and what the messages say."""

import pytest

from tidemill.expressions import ExpressionError, ExpressionSyntaxError, compile_expression
from tidemill.expressions.expression import Expression
from tidemill.json import Json

REFUSED = [
    *("env", "$ENV", "env.HOME", "$ENV.PATH", "input", "inputs", "[inputs]", "debug", 'debug("x")', "stderr"),
    *("halt", "halt_error", "halt_error(1)", "$__loc__", "{$__loc__}", "input_filename", "input_line_number"),
    *(
        "get_search_list",
        "modulemeta",
        'import "a" as a; .',
        'include "a"; .',
        "def f: env; 1",
        ".a | (. | input)",
    ),
]


@pytest.mark.parametrize("closures", [True, False], ids=["closures", "machine"])
@pytest.mark.parametrize("source", REFUSED)
def test_refused_names_do_not_compile(source: str, closures: bool) -> None:
    with pytest.raises(ExpressionSyntaxError, match="is refused"):
        Expression(source, None, closures=closures)


def test_a_refused_name_may_be_a_field_or_a_function_of_ones_own() -> None:
    assert compile_expression(".env.input").evaluate({"env": {"input": 1}}) == 1
    assert compile_expression("def env: 5; env").evaluate(None) == 5


@pytest.mark.parametrize(
    ("source", "position", "message"),
    [
        ("", 0, "unexpected end"),
        (".a |", 4, "unexpected end"),
        ("1 +", 3, "unexpected end"),
        ("{a: 1", 5, "expected '}'"),
        ("[1, 2", 5, "expected ']'"),
        (".a b", 3, "unexpected 'b'"),
        ("if . then 1", 11, "expected 'end'"),
        ('"abc', 0, "a string is not closed"),
        ('"\\x"', 1, "unknown escape"),
        ('"\\(1', 4, "an interpolation is not closed"),
        ("1 == 2 == 3", 7, "needs parentheses"),
        ("foo", 0, "foo/0 is not defined"),
        (". | foo(1; 2)", 4, "foo/2 is not defined"),
        ("$nope", 0, "$nope is not defined"),
        (".a + $nope", 5, "$nope is not defined"),
        ("break $x", 0, "no label $x"),
        ("def f(g): h; 1", 10, "h/0 is not defined"),
        ("reduce .[] as (0; 1)", 14, "expected a variable"),
        (". as [] | 1", 6, "expected a variable"),
        ("{(1): 2}", 1, "an object key must be a string"),
        ("{([{a: 1}, 2]): 2}", 1, "an object key must be a string"),
        ("~modify(.a; 1)", 0, "unexpected character '~'"),
        ("%", 0, "unexpected '%'"),
    ],
)
def test_syntax_errors_say_where_and_what(source: str, position: int, message: str) -> None:
    with pytest.raises(ExpressionSyntaxError) as caught:
        compile_expression(source, variables=frozenset(["input"]))
    assert message in caught.value.message
    assert caught.value.position == position


@pytest.mark.parametrize("closures", [True, False], ids=["closures", "machine"])
@pytest.mark.parametrize(
    ("source", "document", "message"),
    [
        (".a", [], 'Cannot index array with string ("a")'),
        (".[0]", {}, "Cannot index object with number (0)"),
        (".a.b", {"a": 1}, 'Cannot index number with string ("b")'),
        (".[]", 5, "Cannot iterate over number (5)"),
        ("1 + .", "a", 'number (1) and string ("a") cannot be added'),
        ("{} - 1", None, "object ({}) and number (1) cannot be subtracted"),
        ('error("no stock")', None, "no stock"),
        ("error({code: 5})", None, '{"code":5} (not a string)'),
        ("{(.): 1}", 5, "Cannot use number (5) as object key"),
        (". + 1", "a" * 99, 'string ("aaaaaaaaaaaaaaaaaaaaaaaa...") and number (1) cannot be added'),
        ("path(1 | .a)", None, 'Invalid path expression near attempt to access element "a" of 1'),
        ("path(tojson)", [], 'Invalid path expression with result "[]"'),
        ('test("(")', "a", "Regex failure: missing ): ("),
        ('test("a"; "q")', "a", "q is not a valid modifier string"),
        ("@nothing", 1, "nothing is not a valid format"),
        ("implode", [[]], "array ([]) can't be imploded, unicode codepoint needs to be numeric"),
        ("fromjson", "{", "Unfinished JSON term at EOF at line 1, column 1 (while parsing '{')"),
        ("limit(-1; 1)", None, "limit doesn't support negative count"),
        (".[-5] = 1", [1], "Out of bounds negative array index"),
    ],
)
def test_run_time_errors_say_what_went_wrong(
    source: str, document: Json, message: str, closures: bool
) -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression(source, None, closures=closures).evaluate_all(document)
    assert caught.value.message.startswith(message)


def test_a_question_mark_covers_the_last_access_alone() -> None:
    with pytest.raises(ExpressionError):
        compile_expression(".a.b?").evaluate(1)
    assert compile_expression("(.a.b)?").evaluate_all(1) == []


@pytest.mark.parametrize(
    "source",
    [
        "(" * 100 + "1" + ")" * 100,
        "[" * 100 + "]" * 100,
        "." + " | ." * 9000,
        "1" + " + 1" * 200,
        '"\\(' * 40 + "1" + ')"' * 40,
        "{a:" * 100 + "1" + "}" * 100,
        ". as " + "[" * 100 + "$x" + "]" * 100 + " | 1",
        "if . then 1 " + "elif . then 1 " * 300 + "else 2 end",
        "-" * 9000 + "1",
        "try " * 3000 + "1",
        ".a" * 3000,
        "1 " + "as $x | 1 " * 500,
        "reduce " * 300 + "1",
        "def f: " * 300 + "1",
        ". as [$a] ?// $a | " * 30 + "$a",
        ".[" * 300,
    ],
)
def test_programs_that_nest_too_deep_are_refused(source: str) -> None:
    with pytest.raises(ExpressionSyntaxError):
        compile_expression(source)


def test_long_flat_programs_compile() -> None:
    assert (
        compile_expression("[" + ", ".join(str(n) for n in range(1000)) + "] | length").evaluate(None) == 1000
    )
    assert compile_expression(" | ".join(["."] * 500)).evaluate(3) == 3
    assert compile_expression(".a" * 40).evaluate(None) is None


def test_compiled_expressions_are_kept() -> None:
    first = compile_expression(".a.kept", variables=frozenset("x"))
    assert compile_expression(".a.kept", variables=frozenset("x")) is first
    assert compile_expression(".a.kept") is not first
