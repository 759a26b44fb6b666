"""Which function from outside a call means, and what is refused of such calls, catalogs and scripts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.unit.dsl.samples import errors, one, workflow
from tidemill.dsl import limits
from tidemill.dsl.checking import FunctionChecks
from tidemill.dsl.function_calls import function_uri
from tidemill.dsl.outside import OutsideDocument, Reading, outside_documents, outside_documents_of
from tidemill.engine.documents.repositories import raw_address
from tidemill.json import Json

SET: dict[str, Json] = {"set": {"a": 1}}
BASE = "https://a.test/functions/log/1.0.0/function.yaml"
PERSON: Json = {"basic": {"username": "ada", "password": "pw-of-ada"}}


def document(*calls: str, **use: Json) -> dict[str, Json]:
    tasks: list[tuple[str, Json]] = [(f"task{at}", {"call": call}) for at, call in enumerate(calls)]
    return workflow(*tasks, use=use)


@pytest.mark.parametrize(
    ("call", "uri"),
    [
        ("https://a.test/f.yaml", "https://a.test/f.yaml"),
        ("https://a.test/log/", "https://a.test/log/function.yaml"),
        ("https://a.test/log@v1", "https://a.test/log@v1"),
        ("file:///functions/f.yaml", "file:///functions/f.yaml"),
        ("file:functions/f.yaml", "file:functions/f.yaml"),
        # Folders of repositories, as people see them.
        ("https://github.com/o/r/tree/main/log", "https://github.com/o/r/tree/main/log/function.yaml"),
        ("https://github.com/o/r/blob/main/f.yaml", "https://github.com/o/r/blob/main/f.yaml"),
        ("https://github.com/o/r/tree/main/f.yaml", "https://github.com/o/r/tree/main/f.yaml"),
        ("https://github.com/o/r/log@v1.0.0", "https://raw.githubusercontent.com/o/r/v1.0.0/log/function.yaml"),
        ("log:1.0.0@shelf", "https://c.test/root/functions/log/1.0.0/function.yaml"),
        ("log:1.0.0@slashed", "https://c.test/functions/log/1.0.0/function.yaml"),
        ("log:1.0.0@files", "file:catalog/functions/log/1.0.0/function.yaml"),
        # Everything else is no function from outside.
        ("http", ""),
        ("send:1.0.0", ""),
        ("file:1.0.0", ""),
        ("pace:1.0.0@default", ""),
        ("log:1.0.0@none", ""),
        ("own", ""),
    ],
)  # fmt: skip
def test_a_call_means_a_uri(call: str, uri: str) -> None:
    catalogs: Json = {
        "shelf": {"endpoint": "https://c.test/root"},
        "slashed": {"endpoint": {"uri": "https://c.test/"}},
        "files": {"endpoint": "file:catalog"},
    }
    assert function_uri(document(catalogs=catalogs, functions={"own": SET}), call) == uri


def test_a_catalog_of_the_name_default_takes_the_place_of_ours() -> None:
    own = document("pace:1.0.0@default", catalogs={"default": {"endpoint": "https://c.test"}})

    assert function_uri(own, "pace:1.0.0@default") == "https://c.test/functions/pace/1.0.0/function.yaml"
    # Without `with`, and with what ours would refuse.
    assert errors(own) == {}


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("ftp://a.test/f.yaml", "the URI of a function must be a whole `http`, `https` or `file` URI"),
        ("https:///f.yaml", "the URI of a function must be a whole"),
        ("https://a:b@a.test/f.yaml", "the URI of a function cannot hold a password; use a catalog with"),
        ("https://a.test:port/f.yaml", "the URI of a function is not a URI"),
        (f"https://a.test/{'x' * 1_024}", "the URI of a function may have 1024 characters"),
        ("a/b:1.0.0@shelf", "`a/b` is not the name of a function of a catalog"),
        ("log:1@shelf", "`1` is not a version"),
        ("log:1.0.0@other", "`other` is not a catalog; there are `default`, `shelf`"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_function_is_refused(call: str, sentence: str) -> None:
    found = errors(document(call, catalogs={"shelf": {"endpoint": "https://c.test"}}))
    assert found.keys() == {"/do/0/task0/call"}
    assert found["/do/0/task0/call"].startswith(sentence)


@pytest.mark.parametrize(
    ("endpoint", "sentence"),
    [
        ("https://c.test/?v=1", "the endpoint of a catalog is a folder: it can have neither a query nor a"),
        (
            "https://c.test/{v}",
            "it is fetched when the definition is published: its endpoint cannot have var",
        ),
        ("catalog", "its endpoint must be a whole `http`, `https` or `file` URI"),
        ("https://a:b@c.test", "its endpoint cannot hold a password; use `authentication`"),
        (
            {"uri": "https://c.test", "authentication": {"digest": {"username": "a", "password": "b"}}},
            "it is fetched when the definition is published: of authentication it can have `basic` and",
        ),
        (
            {"uri": "https://c.test", "authentication": {"basic": {"use": "s"}}},
            "it is fetched when the definition is published: of authentication it can have `basic` and",
        ),
    ],
)
def test_a_catalog_has_a_literal_root(endpoint: Json, sentence: str) -> None:
    found = errors(document(catalogs={"shelf": {"endpoint": endpoint}}, secrets=["s"]))
    assert found.keys() == {"/use/catalogs/shelf/endpoint"}
    assert found["/use/catalogs/shelf/endpoint"].startswith(sentence)


def script(endpoint: Json, **members: Json) -> dict[str, Json]:
    return {"run": {"script": {"language": "python", "source": {"endpoint": endpoint}, **members}}}


def test_a_script_from_outside_has_a_literal_endpoint_and_no_code_beside_it() -> None:
    pointer = "/do/0/it/run/script"
    assert errors(one(script("https://a.test/a.py"))) == {}
    assert errors(one(script("${ .where }"))).keys() == {f"{pointer}/source/endpoint"}
    assert errors(one(script("https://a.test/a.py", code="1"))).keys() == {pointer}
    assert errors(one({"run": {"script": {"language": "cobol", "code": "1"}}})).keys() == {
        f"{pointer}/language"
    }


@pytest.mark.parametrize("call", ["https://a.test/f.yaml", "log:1.0.0@shelf", "pace:1.0.0@default"])
def test_a_secret_is_no_argument_of_a_function_from_outside(call: str) -> None:
    given: Json = {"call": call, "with": {"token": "${ $secrets.s }"}}
    catalogs: Json = {name: {"endpoint": "https://c.test"} for name in ("shelf", "default")}
    found = errors(one(given, use={"secrets": ["s"], "catalogs": catalogs}))
    assert found["/do/0/it/with/token"].startswith("`$secrets` may stand only in the `with` of outside calls")


def test_functions_have_no_names_that_calls_read_otherwise() -> None:
    named: Json = dict.fromkeys(("https://a.test/f", "file:f.yaml", "log:1.0.0@shelf"), SET)
    assert len(errors(document(functions=named))) == 3
    assert errors(document(functions={"file:1.0.0": SET, "log:1.0.0": SET})) == {}


class TestInFunctionsFromOutside:
    def problems(self, task: Json, uri: str = BASE) -> dict[str, str]:
        return {problem.pointer: problem.message for problem in FunctionChecks().problems(task, uri)}

    def test_one_is_checked_as_one_of_the_document(self) -> None:
        assert self.problems({"do": [{"a": SET}, {"b": {"call": "send:1.0.0", "then": "end"}}]}) == {}
        assert self.problems({"set": {"a": "${ . + }"}}).keys() == {"/set/a"}
        assert self.problems({**SET, "use": "set"}).keys() == {"/use"}
        assert self.problems({**SET, "wait": "PT1S"}).keys() == {""}
        assert self.problems("text").keys() == {""}
        assert self.problems({"do": [{"a": SET, "b": SET}]}).keys() == {"/do/0"}
        assert self.problems([[]] * limits.DOCUMENT_NODES_MAX).keys() == {""}

    @pytest.mark.parametrize(
        ("task", "pointer"),
        [
            ({"call": "helper"}, "/call"),
            ({"call": "log:1.0.0@shelf"}, "/call"),
            ({**SET, "timeout": "long"}, "/timeout"),
            ({"raise": {"error": "broken"}}, "/raise/error"),
            ({"call": "http", "with": {"method": "get", "endpoint": {"uri": "https://a.test",
              "authentication": {"use": "ours"}}}}, "/with/endpoint/authentication/use"),
            ({"call": "send:1.0.0", "with": {"token": "${ $secrets.s }"}}, "/with/token"),
        ],
    )  # fmt: skip
    def test_it_knows_nothing_of_the_document(self, task: Json, pointer: str) -> None:
        use: Json = {
            "functions": {"helper": SET},
            "catalogs": {"shelf": {"endpoint": "https://c.test"}},
            "timeouts": {"long": {"after": "PT1S"}},
            "errors": {"broken": {"type": "a", "status": 1}},
            "authentications": {"ours": PERSON},
            "secrets": ["s"],
        }
        assert errors(one(task, use=use)) == {}
        assert self.problems(task).keys() == {pointer}

    def test_the_default_catalog_is_ours_there(self) -> None:
        assert self.problems({"call": "pace:1.0.0@default"}).keys() == {""}

    @pytest.mark.parametrize(
        ("endpoint", "base", "sentence"),
        [
            ("log.py", BASE, ""),
            ("code/log.py", BASE, ""),
            ("https://b.test/log.py", BASE, ""),
            ("log.py", "file:f.yaml", ""),
            ("file:log.py", "file:f.yaml", ""),
            ("../log.py", BASE, "its endpoint must be whole, or name a file beside the function"),
            ("code/../log.py", BASE, "its endpoint must be whole, or name a file beside the function"),
            ("/log.py", BASE, "its endpoint must be whole, or name a file beside the function"),
            ("//b.test/log.py", BASE, "its endpoint must be whole, or name a file beside the function"),
            (".secret", BASE, "its endpoint must be whole, or name a file beside the function"),
            ("log.py?v=1", BASE, "its endpoint must be whole, or name a file beside the function"),
            ("file:log.py", BASE, "what comes over the web can name no `file`"),
        ],
    )
    def test_it_may_name_files_beside_it(self, endpoint: str, base: str, sentence: str) -> None:
        found = self.problems(script(endpoint), base)
        assert found == ({"/run/script/source/endpoint": sentence} if sentence else {})

    def test_the_functions_of_a_definition_may_cost_as_much_as_a_document(self) -> None:
        checks = FunctionChecks()
        found = [
            checks.problems({"set": {"a": f'${{ "{number}{"x" * 16_000}" }}'}}, BASE) for number in range(4)
        ]
        assert found[:3] == [[]] * 3
        assert found[3][0].message.startswith("the expressions have more than")


_URIS = some.text(alphabet="ab:/@.[]?#%{}$1 \u00e9", max_size=12)


@given(
    call=some.tuples(
        some.sampled_from(["https://", "file:", "https://github.com/", "log:1.0.0@", ""]), _URIS
    ),
    endpoint=some.tuples(some.sampled_from(["https://", "file:", ""]), _URIS) | some.none(),
    name=_URIS,
)  # fmt: skip
@settings(deadline=None)
def test_any_call_and_any_catalog_is_taken_or_refused(
    call: tuple[str, str], endpoint: tuple[str, str] | None, name: str
) -> None:
    root = "".join(endpoint) if endpoint else None
    found = document("".join(call), catalogs={name: {"endpoint": root}}, functions={"f": SET})
    if not errors(found):
        for one in outside_documents(found):
            assert raw_address(one.uri)


_KEYS = some.sampled_from(["do", "call", "with", "run", "script", "source", "endpoint", "set", "input"])
_TASKS = some.recursive(
    some.none() | some.text(max_size=5) | some.sampled_from(["call", "https://a.test/f"]),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(_KEYS, inner, max_size=3),
)


@given(_TASKS)
@settings(deadline=None)
def test_whatever_stands_in_the_place_of_a_function_is_checked(task: Json) -> None:
    checks = FunctionChecks()
    if not checks.problems(task, BASE):
        function = OutsideDocument("/do/0/it/call", BASE)
        assert all(one.way.startswith(BASE) for one in outside_documents_of(task, function))


def test_what_is_named_from_outside_has_its_place_its_reading_and_its_authentication() -> None:
    use: Json = {
        "catalogs": {"shelf": {"endpoint": {"uri": "https://c.test", "authentication": {"use": "ours"}}}},
        "authentications": {"ours": PERSON},
    }
    found = [*outside_documents(workflow(
        ("log", {"call": "log:1.0.0@shelf"}),
        ("run", script("https://a.test/a.py")),
        use=use,
    ))]  # fmt: skip
    assert found == [
        OutsideDocument(
            "/do/0/log/call", "https://c.test/functions/log/1.0.0/function.yaml", PERSON, Reading.FUNCTION
        ),
        OutsideDocument("/do/1/run/run/script/source/endpoint", "https://a.test/a.py", None, Reading.SCRIPT),
    ]
    inside: Json = {
        "do": [
            {"a": script("log.py")},
            {"b": script("https://c.test/b.py")},
            {"c": {"call": "https://d.test/f"}},
        ]
    }
    ways = [
        (one.pointer, one.uri, one.authentication, one.way) for one in outside_documents_of(inside, found[0])
    ]
    folder = "https://c.test/functions/log/1.0.0"
    way = f"{folder}/function.yaml: /do"
    assert ways == [
        # What lies beside it is read by whoever may read it.
        ("/do/0/log/call", f"{folder}/log.py", PERSON, f"{way}/0/a/run/script/source/endpoint"),
        ("/do/0/log/call", "https://c.test/b.py", None, f"{way}/1/b/run/script/source/endpoint"),
        ("/do/0/log/call", "https://d.test/f", None, f"{way}/2/c/call"),
    ]
