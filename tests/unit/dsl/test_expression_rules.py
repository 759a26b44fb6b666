"""Expressions: where they may stand, what they may see there, and what they may do with secrets."""

import pytest

from tests.unit.dsl.samples import errors, http, one, warnings, workflow
from tidemill.json import Json

SET: dict[str, Json] = {"set": {"a": 1}}


def setting(expression: str) -> Json:
    return {"set": {"a": expression}}


@pytest.mark.parametrize("text", [".a > 1", "${ .a > 1 }", "  ${.a} "])
def test_conditions_stand_bare_or_wrapped(text: str) -> None:
    assert errors(one({**SET, "if": text})) == {}


@pytest.mark.parametrize(
    "text", ["", ".a >", "${ }", "${ .a } + ${ .b }", "nothing_like_this(1)", "env", "input"]
)
def test_a_condition_that_does_not_compile_is_refused(text: str) -> None:
    found = errors(one({**SET, "if": text}))

    assert found.keys() == {"/do/0/it/if"}
    assert found["/do/0/it/if"].startswith("this expression is not accepted: ")


@pytest.mark.parametrize(
    "text",
    [
        *('import "a" as $a; .', 'include "a"; .', "env", "$ENV", "input", "inputs", "debug", 'debug("a")'),
        *("stderr", "halt", "halt_error", "halt_error(1)", "$__loc__", "input_filename", "get_search_list"),
    ],
)
def test_what_reaches_outside_is_refused(text: str) -> None:
    assert errors(one(setting(f"${{ .a | {text} }}"))).keys() == {"/do/0/it/set/a"}
    assert errors(
        workflow(("outer", {"try": [], "catch": {"do": [{"it": {**SET, "if": text}}]}}))
    ).keys() == {"/do/0/outer/catch/do/0/it/if"}


@pytest.mark.parametrize(
    ("task", "pointer"),
    [
        ({"switch": [{"c": {"when": "(", "then": "end"}}]}, "/switch/0/c/when"),
        ({"for": {"in": "("}, "do": []}, "/for/in"),
        ({"for": {"in": ".x"}, "while": "(", "do": []}, "/while"),
        ({**SET, "input": {"from": "("}}, "/input/from"),
        ({**SET, "output": {"as": "("}}, "/output/as"),
        ({**SET, "export": {"as": {"deep": ["${ ( }"]}}}, "/export/as/deep/0"),
        ({"try": [], "catch": {"when": "("}}, "/catch/when"),
        ({"try": [], "catch": {"exceptWhen": "("}}, "/catch/exceptWhen"),
        ({"try": [], "catch": {"retry": {"when": "("}}}, "/catch/retry/when"),
        ({"listen": {"to": {"any": [], "until": "("}}}, "/listen/to/until"),
        ({"listen": {"to": {"one": {"with": {"data": "${ ( }"}}}}}, "/listen/to/one/with/data"),
        ({"wait": "${ ( }"}, "/wait"),
        (setting("${ ( }"), "/set/a"),
        ({"set": "${ ( }"}, "/set"),
        ({"set": {"a": [{"b": "${ ( }"}]}}, "/set/a/0/b"),
        (http(body={"a": ["${ ( }"]}), "/with/body/a/0"),
        (http(headers={"A": "${ ( }"}), "/with/headers/A"),
        (http(query="${ ( }"), "/with/query"),
        (http(endpoint="${ ( }"), "/with/endpoint"),
        ({"call": "http", "with": {"method": "${ ( }", "endpoint": "a"}}, "/with/method"),
        ({"call": "send:1.0.0", "with": {"to": "${ ( }"}}, "/with/to"),
        ({"emit": {"event": {"with": {"type": "${ ( }"}}}}, "/emit/event/with/type"),
        ({"raise": {"error": {"type": "a", "status": 1, "detail": "${ ( }"}}}, "/raise/error/detail"),
        ({**SET, "timeout": {"after": "${ ( }"}}, "/timeout/after"),
    ],
)
def test_every_place_of_an_expression_is_checked(task: Json, pointer: str) -> None:
    assert errors(one(task)).keys() == {f"/do/0/it{pointer}"}


@pytest.mark.parametrize("text", [".a", "( not an expression", "$nothing"])
def test_text_outside_expressions_is_literal(text: str) -> None:
    assert errors(one(setting(text))) == {}
    assert warnings(one(setting(text))) == {}


def test_an_expression_where_none_is_evaluated_is_warned_about() -> None:
    task: Json = {"try": [], "catch": {"errors": {"with": {"type": "${ .type }"}}}}

    assert errors(one(task)) == {}
    assert warnings(one(task)).keys() == {"/do/0/it/catch/errors/with/type"}


def test_an_expression_inside_a_longer_text_is_warned_about() -> None:
    assert warnings(one(setting("Hello ${ .name }!"))).keys() == {"/do/0/it/set/a"}


@pytest.mark.parametrize(
    ("task", "fits"),
    [
        ({**SET, "if": "$context and $task and $workflow and $runtime"}, True),
        ({**SET, "if": "$input"}, False),
        ({**SET, "if": "$output"}, False),
        ({**SET, "input": {"from": "$context"}}, True),
        ({**SET, "input": {"from": "$input"}}, False),
        (setting("${ [$context, $input, $task, $workflow, $runtime, $authorization] }"), True),
        (setting("${ $output }"), False),
        ({**SET, "output": {"as": "$input"}}, True),
        ({**SET, "output": {"as": "$output"}}, False),
        ({**SET, "export": {"as": "$context + $output"}}, True),
        (setting("${ $nobody }"), False),
        (setting("${ . as $mine | $mine }"), True),
    ],
)
def test_arguments_are_those_of_the_specification(task: Json, fits: bool) -> None:
    assert (errors(one(task)) == {}) == fits


@pytest.mark.parametrize(
    ("member", "fits"),
    [
        ({"input": {"from": "$workflow"}}, True),
        ({"input": {"from": "$context"}}, False),
        ({"output": {"as": "$context"}}, True),
        ({"output": {"as": "$input"}}, False),
        ({"timeout": {"after": "${ $input.limit }"}}, True),
        ({"timeout": {"after": "${ $context.limit }"}}, False),
        ({"schedule": {"on": {"one": {"with": {"data": "${ .x }"}}}}}, True),
        ({"schedule": {"on": {"one": {"with": {"data": "${ $context }"}}}}}, False),
    ],
)
def test_arguments_around_the_tasks(member: dict[str, Json], fits: bool) -> None:
    assert (errors(one(SET, **member)) == {}) == fits


LOOP_DEFAULTS: Json = {
    "for": {"in": ".x"},
    "while": "$item and $index",
    "do": [{"a": setting("${ [$item, $index] }")}],
}
LOOP_NAMED: Json = {
    "for": {"in": ".x", "each": "pet", "at": "place"},
    "while": "$pet and $place",
    "do": [{"a": {"do": [{"b": setting("${ [$pet, $place] }")}]}}],
}
CAUGHT: Json = {
    "try": [],
    "catch": {
        "as": "problem",
        "when": "$problem",
        "exceptWhen": "$problem",
        "retry": {"when": "$problem"},
        "do": [{"a": setting("${ $problem }")}],
    },
}
HEARD: Json = {
    "listen": {"to": {"any": []}},
    "foreach": {"item": "heard", "do": [{"a": setting("${ [$heard, $index] }")}], "output": {"as": "$heard"}},
}


@pytest.mark.parametrize("task", [LOOP_DEFAULTS, LOOP_NAMED, CAUGHT, HEARD])
def test_own_variables_are_known_in_their_scope(task: Json) -> None:
    assert errors(one(task)) == {}


@pytest.mark.parametrize(
    ("task", "pointer"),
    [
        ({"for": {"in": "$item"}, "do": []}, "/for/in"),
        ({"for": {"in": ".x"}, "do": [], "output": {"as": "$item"}}, "/output/as"),
        ({"for": {"in": ".x", "each": "pet"}, "do": [{"a": setting("${ $item }")}]}, "/do/0/a/set/a"),
        ({"for": {"in": ".x"}, "do": [], "if": "$item"}, "/if"),
        ({"try": [{"a": setting("${ $error }")}], "catch": {}}, "/try/0/a/set/a"),
        ({"try": [], "catch": {"as": "e", "do": [{"a": setting("${ $error }")}]}}, "/catch/do/0/a/set/a"),
        ({"try": [], "catch": {}, "output": {"as": "$error"}}, "/output/as"),
    ],
)
def test_own_variables_are_refused_outside_their_scope(task: Json, pointer: str) -> None:
    assert errors(one(task)).keys() == {f"/do/0/it{pointer}"}


def test_a_sibling_after_a_loop_does_not_see_its_variables() -> None:
    document = workflow(("loop", LOOP_DEFAULTS), ("after", setting("${ $item }")))

    assert errors(document).keys() == {"/do/1/after/set/a"}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("context", "`$context` has a meaning of its own; choose another name"),
        ("a-b", "`a-b` is not the name of a variable; use letters, digits and `_`"),
        ("", "`` is not the name of a variable; use letters, digits and `_`"),
    ],
)
def test_own_variables_have_names_that_expressions_can_say(name: str, sentence: str) -> None:
    document = one({"for": {"in": ".x", "each": name}, "do": []})

    assert errors(document) == {"/do/0/it/for/each": sentence}


def test_an_item_and_its_index_have_different_names() -> None:
    document = one({"for": {"in": ".x", "each": "index"}, "do": []})

    assert errors(document) == {"/do/0/it/for": "`each` and `at` must have different names"}


VAULT: Json = {"secrets": ["vault"]}


@pytest.mark.parametrize(
    "task",
    [
        http(headers={"Authorization": '${ "Bearer \\($secrets.vault.token)" }'}),
        http(body={"key": "${ $secrets.vault }"}),
        http(body={"key": '${ $secrets["vault"].keys[0] }'}),
        http(endpoint={"uri": "a", "authentication": {"bearer": {"token": "${ $secrets.vault.token }"}}}),
        {"call": "send:1.0.0", "with": {"key": '${ "\\(.a):\\($secrets.vault.b)" }'}},
    ],
)
def test_secrets_stand_in_calls_as_a_path_or_in_a_text(task: Json) -> None:
    assert errors(one(task, use=VAULT)) == {}


@pytest.mark.parametrize(
    "task",
    [
        {**SET, "if": "$secrets.vault.x"},
        {**SET, "input": {"from": "$secrets.vault"}},
        setting("${ $secrets.vault.token }"),
        {**http(), "output": {"as": "$secrets.vault"}},
        {"wait": "${ $secrets.vault.delay }"},
    ],
)
def test_secrets_are_refused_elsewhere(task: Json) -> None:
    (sentence,) = errors(one(task, use=VAULT)).values()

    assert sentence == "`$secrets` may stand only in the `with` of outside calls and in authentication"


@pytest.mark.parametrize(
    "expression",
    [
        "$secrets.vault.token | length",
        "$secrets.vault.token + .a",
        "$secrets",
        "$secrets[.name]",
        "[$secrets.vault.a]",
        '"\\($secrets.vault.a | length)"',
        '@base64 "\\($secrets.vault.a)"',
        "if .a then $secrets.vault.a else null end",
    ],
)
def test_nothing_is_calculated_with_secrets(expression: str) -> None:
    (sentence,) = errors(one(http(body=f"${{ {expression} }}"), use=VAULT)).values()

    assert sentence.startswith("`$secrets` may be used only as a direct path")


def test_secrets_are_declared() -> None:
    assert errors(one(http(body="${ $secrets.safe.x }"), use=VAULT)) == {
        "/do/0/it/with/body": "`safe` is not in `use.secrets`, which has `vault`"
    }


def test_a_text_that_only_looks_like_a_secret_is_a_text() -> None:
    assert errors(one(setting('${ "$secrets.vault" }'))) == {}


def test_shared_components_are_checked_where_they_are_used() -> None:
    mine: Json = {"when": "$problem.status == 503"}
    fitting = one({"try": [], "catch": {"as": "problem", "retry": "mine"}}, use={"retries": {"mine": mine}})
    shared: Json = {"retries": {"mine": mine, "broken": {"when": "("}}}
    unfitting = one({"try": [], "catch": {"retry": "mine"}}, use=shared)

    assert errors(fitting) == {}
    found = errors(unfitting)
    assert found.keys() == {"/use/retries/broken/when", "/do/0/it/catch/retry"}
    assert found["/do/0/it/catch/retry"].startswith(
        "`mine` does not fit here: `$problem` is not known here; there are"
    )


def test_shared_errors_may_not_take_secrets_out() -> None:
    use: Json = {
        "secrets": ["vault"],
        "errors": {"e": {"type": "a", "status": 1, "detail": "${ $secrets.vault.x }"}},
    }

    assert errors(one(SET, use=use)).keys() == {"/use/errors/e/detail"}


def test_what_expressions_cost_together_is_bounded() -> None:
    texts: list[Json] = [f"${{ .a{index} + .{'b' * 1000} }}" for index in range(100)]

    (sentence,) = set(errors(one({"set": {"a": texts}})).values())
    assert sentence == "the expressions have more than 50000 characters together"


def test_an_unclosed_expression_in_a_filter_is_literal_with_a_warning() -> None:
    document = one(SET, schedule={"on": {"one": {"with": {"type": "${ .a", "data": "${ .b"}}}})

    assert errors(document) == {}
    assert warnings(document).keys() == {"/schedule/on/one/with/type", "/schedule/on/one/with/data"}
