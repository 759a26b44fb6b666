"""`call: openapi` makes of an operation and its parameters what `call: http` asks for."""

from typing import Any

import pytest

from tests.unit.core.openapi_calls import called, operation, refused, started
from tidemill.engine.core.secrets import PLACEHOLDER, SecretPath, SecretUse

LIST = ["a b", "c,d", 3]
COLORS = {"R": 100, "G": 2}
JSON: dict[str, Any] = {"application/json": {}}


def query(style: Any, value: Any, **members: Any) -> str:  # noqa: ANN401 - any JSON value
    """The query for a parameter `p` with these members."""
    parameter = {"name": "p", "in": "query", **({"style": style} if style else {}), **members}
    uri = called("op", {"p": value}, document=operation(parameter)).endpoint
    assert uri.startswith("https://api.example/pets")
    return str(uri.removeprefix("https://api.example/pets"))


@pytest.mark.parametrize(
    ("style", "members", "value", "text"),
    [
        (None, {}, "a b&c", "?p=a%20b%26c"),
        (None, {}, True, "?p=true"),
        (None, {}, 1.5, "?p=1.5"),
        (None, {}, "", "?p="),
        (None, {}, None, ""),
        (None, {}, LIST, "?p=a%20b&p=c%2Cd&p=3"),
        (None, {}, [], ""),
        (None, {}, [None, 1], "?p=1"),
        (None, {}, COLORS, "?R=100&G=2"),
        ("form", {"explode": False}, LIST, "?p=a%20b,c%2Cd,3"),
        ("form", {"explode": False}, COLORS, "?p=R,100,G,2"),
        ("spaceDelimited", {}, LIST, "?p=a%20b%20c%2Cd%203"),
        ("pipeDelimited", {}, LIST, "?p=a%20b%7Cc%2Cd%7C3"),
        ("pipeDelimited", {"explode": True}, LIST, "?p=a%20b&p=c%2Cd&p=3"),
        ("deepObject", {"explode": True}, COLORS, "?p%5BR%5D=100&p%5BG%5D=2"),
        (None, {"allowReserved": True}, "/a?b&c=d#e", "?p=/a?b%26c%3Dd%23e"),
        (None, {"content": JSON}, {"a": [1]}, "?p=%7B%22a%22%3A%5B1%5D%7D"),
    ],
)
def test_a_query_parameter_is_written_in_its_style(
    style: str | None, members: dict[str, Any], value: object, text: str
) -> None:
    assert query(style, value, **members) == text


@pytest.mark.parametrize(
    ("members", "value", "text"),
    [
        ({}, "a/b c", "a%2Fb%20c"),
        ({}, LIST, "a%20b,c%2Cd,3"),
        ({}, COLORS, "R,100,G,2"),
        ({"explode": True}, COLORS, "R=100,G=2"),
        ({"style": "label"}, LIST, ".a%20b,c%2Cd,3"),
        ({"style": "label", "explode": True}, COLORS, ".R=100.G=2"),
        ({"style": "matrix"}, LIST, ";p=a%20b,c%2Cd,3"),
        ({"style": "matrix", "explode": True}, ["a", "b"], ";p=a;p=b"),
        ({"style": "matrix", "explode": True}, COLORS, ";R=100;G=2"),
        ({"content": JSON}, {"a": 1}, "%7B%22a%22%3A1%7D"),
    ],
)
def test_a_path_parameter_is_written_in_its_style(members: dict[str, Any], value: Any, text: str) -> None:  # noqa: ANN401
    document = operation({"name": "p", "in": "path", **members}, path="/x y/{p}/z")
    assert called("op", {"p": value}, document=document).endpoint == f"https://api.example/x%20y/{text}/z"


@pytest.mark.parametrize("value", ["", ".", "..", []])
def test_a_path_parameter_cannot_change_the_path(value: Any) -> None:  # noqa: ANN401 - any JSON value
    driver = started("op", {"p": value}, document=operation({"name": "p", "in": "path"}, path="/a/{p}"))
    assert (driver.error.status, driver.error.type.rpartition("/")[2]) == (400, "validation")


@pytest.mark.parametrize(
    ("members", "value", "text"),
    [
        ({}, "a b", "a b"),
        ({}, LIST, "a b,c,d,3"),
        ({}, COLORS, "R,100,G,2"),
        ({"explode": True}, COLORS, "R=100,G=2"),
        ({"content": JSON}, [1, "a"], '[1,"a"]'),
    ],
)
def test_a_header_is_written_in_its_style(members: dict[str, Any], value: Any, text: str) -> None:  # noqa: ANN401
    document = operation({"name": "X-P", "in": "header", **members})
    assert called("op", {"X-P": value}, document=document).members["headers"] == {"X-P": text}


def test_what_gives_nothing_leaves_no_trace_in_the_query() -> None:
    document = operation({"name": "a", "in": "query"}, {"name": "b", "in": "query"})
    assert called("op", {"a": 1, "b": []}, document=document).endpoint.endswith("/pets?a=1")


def test_cookies_stand_in_one_header() -> None:
    document = operation({"name": "a", "in": "cookie"}, {"name": "b", "in": "cookie", "explode": False})
    call = called("op", {"a": "x;y=", "b": [1, 2]}, document=document)
    assert call.members["headers"] == {"cookie": "a=x%3By=; b=1%2C2"}


@pytest.mark.parametrize(
    ("collection", "text"),
    [
        (None, "?p=a,b"),
        ("csv", "?p=a,b"),
        ("ssv", "?p=a%20b"),
        ("tsv", "?p=a%09b"),
        ("pipes", "?p=a%7Cb"),
        ("multi", "?p=a&p=b"),
    ],
)
def test_swagger_has_collection_formats(collection: str | None, text: str) -> None:
    parameter = {"name": "p", "in": "query", "type": "array", "collectionFormat": collection}
    document = operation({k: v for k, v in parameter.items() if v}, is_swagger=True)
    assert called("op", {"p": ["a", "b"]}, document=document).endpoint.endswith(f"/pets{text}")


def test_parameters_of_the_operation_come_in_the_place_of_those_of_the_path() -> None:
    document = operation({"name": "p", "in": "query", "explode": False})
    document["paths"]["/pets"]["parameters"] = [
        {"name": "p", "in": "query", "required": True},
        {"name": "q", "in": "query"},
    ]
    assert called("op", {"p": [1, 2], "q": 3}, document=document).endpoint.endswith("?q=3&p=1,2")
    assert called("op", document=document).endpoint.endswith("/pets")


def test_one_value_goes_wherever_its_name_stands() -> None:
    document = operation({"name": "p", "in": "path"}, {"name": "p", "in": "query"}, path="/{p}")
    assert called("op", {"p": 1}, document=document).endpoint == "https://api.example/1?p=1"


@pytest.mark.parametrize("parameters", [None, {}, {"p": None}, {"p": "${ .missing }"}])
def test_what_is_required_and_missing_is_a_validation_error_of_the_run(parameters: Any) -> None:  # noqa: ANN401
    document = operation({"name": "p", "in": "query", "required": True})
    error = started("op", parameters, document=document, data={}).error
    assert (error.status, error.instance) == (400, "/do/0/ask0")
    assert error.detail == "the query parameter `p` is required"


def test_headers_that_documents_name_in_vain_are_never_required() -> None:
    document = operation({"name": "Authorization", "in": "header", "required": True})
    assert "headers" not in called("op", document=document).members


def test_a_value_inside_another_is_a_validation_error_where_a_style_has_no_way_to_write_it() -> None:
    error = started("op", {"p": [[1]]}, document=operation({"name": "p", "in": "query"})).error
    assert error.status == 400
    assert "holds arrays or objects inside others" in error.detail


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"p": [1] * 1_001}, "the parameter `p` has more than 1000 values"),
        ({"p": {str(n): n for n in range(1_001)}}, "the parameter `p` has more than 1000 values"),
        ({"p": "x" * 65_537}, "the parameters make more than 65536 characters"),
        ({"p": ["x" * 100] * 700}, "the parameters make more than 65536 characters"),
        ({"c": "x" * 65_537}, "the parameters make more than 65536 characters"),
    ],
)
def test_what_is_written_has_limits(given: dict[str, Any], sentence: str) -> None:
    document = operation({"name": "p", "in": "query"}, {"name": "c", "in": "cookie"})
    assert started("op", given, document=document).error.detail == sentence


def test_an_unknown_parameter_is_refused_with_the_known_ones() -> None:
    document = operation({"name": "p", "in": "query"}, {"name": "q", "in": "query"})
    assert refused("op", {"z": 1}, document=document) == (
        "parameters/z",
        "the operation has no parameter `z` and no body; its parameters are `p`, `q`",
    )


def test_the_body_is_the_parameter_of_that_name() -> None:
    document = operation({"name": "p", "in": "query"}, requestBody={"content": JSON})
    members = called("op", {"p": 1, "body": {"a": "${ .n }"}}, document=document, data={"n": 5}).members
    assert members == {
        "method": "post",
        "endpoint": "https://api.example/pets?p=1",
        "headers": {"content-type": "application/json"},
        "body": {"a": 5},
    }


def test_or_the_body_is_made_of_all_parameters_that_the_document_does_not_name() -> None:
    document = operation({"name": "p", "in": "query"}, requestBody={"content": JSON})
    assert called("op", {"p": 1, "a": 2, "b": None}, document=document).members["body"] == {"a": 2, "b": None}
    assert refused("op", {"body": {}, "a": 2}, document=document) == (
        "parameters/a",
        "`body` is the whole body already; put this into it",
    )


def test_a_body_that_is_required_and_missing_is_a_validation_error() -> None:
    document = operation(requestBody={"content": JSON, "required": True})
    assert started("op", document=document).error.detail == "the body is required"
    assert "body" not in called("op", document=operation(requestBody={"content": JSON})).members


@pytest.mark.parametrize(("value", "text"), [("a", '"a"'), ([1], [1]), (5, 5), (False, False)])
def test_a_body_of_json_is_the_value_whatever_it_is(value: Any, text: Any) -> None:  # noqa: ANN401
    document = operation(requestBody={"content": JSON})
    assert called("op", {"body": value}, document=document).members["body"] == text


@pytest.mark.parametrize(
    ("types", "content_type"),
    [
        (["application/xml", "application/json"], "application/json"),
        (["application/vnd.pets+json; v=1"], "application/vnd.pets+json; v=1"),
        (["multipart/form-data", "application/x-www-form-urlencoded"], "application/x-www-form-urlencoded"),
        (["*/*"], "application/json"),
        (["multipart/form-data", "text/csv"], "text/csv"),
    ],
)
def test_json_is_sent_where_it_is_taken_then_forms_then_texts(types: list[str], content_type: str) -> None:
    document = operation(requestBody={"content": {one: {} for one in types}})
    headers = called("op", {"body": "x"}, document=document).members["headers"]
    assert headers == {"content-type": content_type}


def test_a_body_in_several_parts_is_refused() -> None:
    document = operation(requestBody={"content": {"multipart/form-data": {}}})
    sentence = "the operation takes `multipart/form-data`, which cannot be sent"
    assert refused("op", {"body": {}}, document=document) == ("parameters", sentence)
    assert "body" not in called("op", document=document).members


@pytest.mark.parametrize("name", ["pet", "body"])
def test_the_body_of_swagger_has_a_name_of_its_own(name: str) -> None:
    document = operation({"name": "pet", "in": "body", "required": True}, is_swagger=True)
    members = called("op", {name: {"a": 1}}, document=document).members
    assert (members["body"], members["headers"]) == ({"a": 1}, {"content-type": "application/json"})
    assert called("op", {"a": 1}, document=document).members["body"] == {"a": 1}
    assert started("op", document=document).error.detail == "the body is required"


def test_fields_of_forms_are_parameters_in_swagger() -> None:
    fields = (
        {"name": "a", "in": "formData", "required": True},
        {"name": "b", "in": "formData", "collectionFormat": "multi"},
        {"name": "c", "in": "formData"},
    )
    document = operation(*fields, is_swagger=True)
    members = called("op", {"a": 1, "b": ["x", "y"], "c": ["x", "y"]}, document=document).members
    assert members["body"] == {"a": "1", "b": ["x", "y"], "c": "x,y"}
    assert members["headers"] == {"content-type": "application/x-www-form-urlencoded"}
    assert started("op", document=document).error.detail == "the formData parameter `a` is required"
    assert refused("op", {"a": 1, "z": 1}, document=document)[0] == "parameters/z"


def test_files_cannot_be_sent() -> None:
    document = operation({"name": "f", "in": "formData", "type": "file"}, is_swagger=True)
    assert refused("op", document=document)[1].endswith(
        "the parameter `f` is a file, and files cannot be sent"
    )


def test_json_is_asked_for_where_it_is_answered() -> None:
    xml_first: dict[str, Any] = {"content": {"application/xml": {}, "application/json": {}}}
    document = operation(responses={"200": xml_first})
    assert called("op", document=document).members["headers"] == {"accept": "application/json"}
    swagger = operation(is_swagger=True, produces=["application/xml", "application/json"])
    assert called("op", document=swagger).members["headers"] == {"accept": "application/json"}
    text = operation(responses={"200": {"content": {"text/plain": {}}}})
    assert "headers" not in called("op", document=text).members


def test_output_and_redirect_are_those_of_http() -> None:
    members = called("op", document=operation(), output="response", redirect=True).members
    assert (members["output"], members["redirect"]) == ("response", True)


@pytest.mark.parametrize("authentication", [{"bearer": {"token": "${ .t }"}}, {"use": "named"}])
def test_authentication_is_inline_or_by_name(authentication: Any) -> None:  # noqa: ANN401 - any JSON value
    call = called("op", document=operation(), data={"t": "t"}, authentication=authentication)
    assert call.endpoint == {
        "uri": "https://api.example/pets",
        "authentication": {"bearer": {"token": "t"}},
    }


def test_secrets_belong_to_where_their_parameters_go() -> None:
    document = operation(
        {"name": "key", "in": "query"},
        {"name": "X-Key", "in": "header"},
        {"name": "p", "in": "query"},
        requestBody={"content": JSON},
    )
    given = {
        "key": "${ $secrets.key }",
        "X-Key": '${ "k \\($secrets.key)" }',
        "p": "x",
        "body": {"k": "${ $secrets.key }"},
    }
    call = called("op", given, document=document, authentication={"bearer": {"use": "key"}})
    assert call.members == {
        "method": "post",
        "endpoint": {"uri": "https://api.example/pets?p=x", "authentication": {"bearer": PLACEHOLDER}},
        "headers": {"content-type": "application/json", "X-Key": PLACEHOLDER},
        "query": {"key": PLACEHOLDER},
        "body": {"k": PLACEHOLDER},
    }
    secret = SecretPath("key")
    assert set(call.secrets) == {
        SecretUse("/query/key", (secret,)),
        SecretUse("/headers/X-Key", ("k ", secret)),
        SecretUse("/body/k", (secret,)),
        SecretUse("/endpoint/authentication/bearer", (secret,)),
    }


@pytest.mark.parametrize(
    ("place", "path", "value"),
    [
        ("path", "/{p}", "${ $secrets.key }"),
        ("cookie", "/", "${ $secrets.key }"),
        ("query", "/", ["${ $secrets.key }"]),
    ],
)
def test_a_secret_that_could_not_be_put_in_later_is_refused(place: str, path: str, value: Any) -> None:  # noqa: ANN401
    where, sentence = refused("op", {"p": value}, document=operation({"name": "p", "in": place}, path=path))
    assert where == "parameters/p"
    assert sentence.startswith("a secret can be the text of a query, header or form parameter")
