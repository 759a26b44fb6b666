"""What of an OpenAPI document is read, which is refused, and by which sentence."""

import json

import pytest

from tests.unit.core.openapi_calls import PETS, called, changed, refused, swagger
from tidemill.json import Json

URI = "https://pets.example/v1/openapi.json"


def test_the_operation_is_found_by_its_id_and_its_server_stands_before_its_path() -> None:
    assert called("listPets").arguments.value == {
        "method": "get",
        "endpoint": "https://api.example/pets",
        "headers": {"accept": "application/json"},
    }


@pytest.mark.parametrize(
    ("servers", "base"),
    [
        (None, "https://pets.example"),
        ([], "https://pets.example"),
        ([{"url": "/v2/"}], "https://pets.example/v2"),
        ([{"url": "v2"}], "https://pets.example/v1/v2"),
        ([{"url": "https://first.example/"}, {"url": "https://second.example"}], "https://first.example"),
        (
            [
                {
                    "url": "https://{a}.example/{v}",
                    "variables": {"a": {"default": "eu"}, "v": {"default": "3"}},
                }
            ],
            "https://eu.example/3",
        ),
    ],
)
def test_the_first_server_counts_seen_from_the_document(servers: Json, base: str) -> None:
    document = {name: value for name, value in changed(servers=servers).items() if value is not None}
    assert called("listPets", document=document).endpoint == f"{base}/pets"


def test_servers_of_a_path_and_of_an_operation_come_first() -> None:
    document = changed()
    document["paths"]["/pets"]["servers"] = [{"url": "https://path.example"}]
    assert called("listPets", document=document).endpoint == "https://path.example/pets"
    document["paths"]["/pets"]["get"]["servers"] = [{"url": "https://operation.example"}]
    assert called("listPets", document=document).endpoint == "https://operation.example/pets"


@pytest.mark.parametrize(
    ("members", "base"),
    [
        ({}, "https://pets.example"),
        ({"basePath": "/v2"}, "https://pets.example/v2"),
        ({"host": "api.example:8080", "basePath": "/v2"}, "https://api.example:8080/v2"),
        ({"host": "api.example", "schemes": ["http"]}, "http://api.example"),
        ({"host": "api.example", "schemes": ["http", "https"]}, "https://api.example"),
        ({"host": "api.example", "schemes": ["wss", "http"]}, "http://api.example"),
    ],
)
def test_swagger_has_scheme_host_and_base_path(members: dict[str, Json], base: str) -> None:
    assert called("listPets", document=swagger(**members)).endpoint == f"{base}/pets"


def test_a_document_may_be_yaml() -> None:
    text = b"""
openapi: 3.1.0
paths:
  /pets:
    get: {operationId: listPets}
"""
    assert called("listPets", document=text).endpoint == "https://pets.example/pets"


def test_references_inside_the_document_are_followed() -> None:
    document = changed(
        components={
            "parameters": {"a/b": {"$ref": "#/components/parameters/limit~0"}, "limit~": LIMIT},
            "pathItems": {"pets": {"get": {"operationId": "other", "parameters": [REFERENCE]}}},
        },
    )
    document["paths"]["/other"] = {"$ref": "#/components/pathItems/pets"}
    assert called("other", {"limit": 5}, document=document).endpoint == "https://api.example/other?limit=5"


LIMIT: Json = {"name": "limit", "in": "query"}
REFERENCE: Json = {"$ref": "#/components/parameters/a~1b"}
OUTWARD = "leads out of the document, which is not followed"


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        ("#/components/parameters/none", "the `$ref` `#/components/parameters/none` leads nowhere"),
        ("other.json#/limit", f"the `$ref` `other.json#/limit` {OUTWARD}"),
        ("https://a.example/b", f"the `$ref` `https://a.example/b` {OUTWARD}"),
        ("#/components/circle", "more than 16 `$ref` lead to one another"),
    ],
)
def test_other_references_are_refused(reference: str, sentence: str) -> None:
    document = changed(components={"circle": {"$ref": "#/components/circle"}})
    document["paths"]["/pets"]["get"]["parameters"] = [{"$ref": reference}]
    assert refused("listPets", document=document) == ("operationId", f"{URI}: {sentence}")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("listPet", "there is no operation `listPet`; did you mean `listPets`?"),
        ("zzz", "there is no operation `zzz`; there are `addPet`, `getPet`, `listPets`"),
    ],
)
def test_an_unknown_operation_is_refused_with_the_known_ones(name: str, sentence: str) -> None:
    assert refused(name) == ("operationId", f"{URI}: {sentence}")


def test_of_many_operations_some_are_named() -> None:
    document = changed(paths={f"/{n}": {"get": {"operationId": f"o{n:02}"}} for n in range(25)})
    _, sentence = refused("zzz", document=document)
    assert sentence.endswith("`o19` and 5 more")
    assert refused("a", document=changed(paths={}))[1].endswith("none of its operations has an operationId")


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"paths": {}}, "it is no OpenAPI document: it has neither `openapi` nor `swagger`"),
        ({"openapi": "4.0.0"}, "it is of version `4.0.0`, and OpenAPI 3.x and Swagger 2.0 can be read"),
        ({"swagger": "1.2"}, "it is of version `1.2`, and OpenAPI 3.x and Swagger 2.0 can be read"),
        (b'{"openapi": ', "the document: unexpected end of data"),
        (b"<html>", "it is no OpenAPI document"),
        (b"a: [", "the document is not YAML"),
        (b"\xff\xfe", "it is not UTF-8 (byte 0)"),
        (b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}", "the document: "),
        (b"a: " + b"x" * 300_000, "as YAML it may have 262144 bytes; a larger one has to be JSON"),
    ],
)
def test_what_is_no_such_document_is_refused(document: bytes | dict[str, Json], sentence: str) -> None:
    place, message = refused("listPets", document=document)
    assert place == "document/endpoint"
    assert message.startswith(f"{URI}: {sentence}")


def test_an_id_that_stands_twice_is_refused() -> None:
    document = changed()
    document["paths"]["/again"] = {"get": {"operationId": "listPets"}}
    assert refused("getPet", document=document)[1] == f"{URI}: the operationId `listPets` stands in it twice"


def test_a_server_that_is_no_web_address_is_refused() -> None:
    sentence = refused("listPets", document=changed(servers=[{"url": "ftp://a.example"}]))[1]
    assert sentence == f"{URI}: its server `ftp://a.example` is no http or https URL, seen from {URI}"


def test_a_gap_in_the_path_that_is_no_parameter_is_refused() -> None:
    document = changed()
    document["paths"]["/pets/{petId}"]["parameters"] = []
    assert refused("getPet", document=document)[1] == f"{URI}: `{{petId}}` in its path is no parameter"


def test_a_document_is_read_once_for_all_tasks_that_name_it() -> None:
    # Bounded: a definition with many calls and a large document is compiled in no time.
    padding = {f"x{n}": {"get": {"operationId": f"o{n}"}} for n in range(2_000)}
    document = changed(paths={**PETS["paths"], **padding})
    assert len(json.dumps(document)) > 50_000
    assert called("listPets", document=document, copies=200).endpoint == "https://api.example/pets"


def test_hostile_documents_stay_small() -> None:
    long = "x" * 2_000
    doubling = {"url": "https://a.example/" + "{a}" * 600, "variables": {"a": {"default": "{b}" * 600}}}
    for servers in ([doubling], [{"url": f"https://a.example/{long}{long}"}]):
        sentence = refused("listPets", document=changed(servers=servers))[1]
        assert sentence == f"{URI}: the URL of its server has more than 2048 characters"
    path = changed(paths={"/" + "{a}" * 1_000: {"get": {"operationId": "op"}}})
    assert refused("op", document=path)[1] == f"{URI}: its path has more than 2048 characters"
    parameters = [{"name": "p" * 257, "in": "query"}]
    named = changed(paths={"/a": {"get": {"operationId": "op", "parameters": parameters}}})
    assert refused("op", document=named)[1].endswith("has more than 256 characters")


def test_a_gap_stands_once_in_a_path() -> None:
    parameters: Json = [{"name": "a", "in": "path"}]
    document = changed(paths={"/{a}/{a}": {"get": {"operationId": "op", "parameters": parameters}}})
    assert refused("op", document=document)[1] == f"{URI}: `{{a}}` stands twice in its path"


def test_of_very_many_operations_none_is_guessed() -> None:
    document = changed(paths={f"/{n}": {"get": {"operationId": f"op{n:05}"}} for n in range(20_000)})
    assert refused("op0000", document=document)[1].endswith("`op00019` and 19980 more")
