"""`call: asyncapi` with a message: what goes out over HTTP and Kafka, and what is wrong at publish."""

import copy
from typing import Any

import pytest

from tests.asyncapi_documents import document_v2, document_v3
from tests.unit.core.asyncapi_calls import compiled, published, refused
from tidemill.engine.core.secrets import PLACEHOLDER, SecretPath, SecretUse
from tidemill.json import Json

FIND: dict[str, Any] = {"operation": "findPetsByStatus"}
NOTE: dict[str, Any] = {"channel": "/notifications"}
BASIC: dict[str, Any] = {"basic": {"username": "ada", "password": "${ $secrets.kafka }"}}


def message(payload: Json = None, **headers: Json) -> dict[str, Any]:
    return {"message": {"payload": payload or {"petId": 1}, "headers": headers}}


def changed(path: str, value: Any, document: Any = None) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """The document of 3.0 with another value somewhere; None takes it away."""
    made: dict[str, Any] = copy.deepcopy(document_v3() if document is None else document)
    holder, *rest = made, *path.split(".")
    for key in rest[:-1]:
        holder = holder[key]
    if value is None:
        del holder[rest[-1]]
    else:
        holder[rest[-1]] = value
    return made


@pytest.mark.parametrize("document", [document_v3(), document_v2()])
def test_a_message_goes_out_over_http(document: dict[str, Any]) -> None:
    given = {**FIND, "message": {"payload": {"petId": "${ .pet.id }"}, "headers": {"x-a": "${ .a }"}}}
    call = published(given, document=document, data={"pet": {"id": 7}, "a": "b"})
    assert call.action == "http"
    assert call.arguments.value == {
        "method": "POST",
        "endpoint": {"uri": "http://fake.com/v1/pets/find"},
        "headers": {"content-type": "application/json", "x-a": "b"},
        "body": {"petId": 7},
    }


def test_the_binding_says_the_method_and_the_author_another_type() -> None:
    document = changed("operations.findPetsByStatus.bindings", {"http": {"method": "PUT"}})
    arguments = published(
        {**FIND, **message(**{"Content-Type": "text/x"})}, document=document
    ).arguments.value
    assert isinstance(arguments, dict)
    assert (arguments["method"], arguments["headers"]) == ("PUT", {"Content-Type": "text/x"})


def test_a_message_goes_out_over_kafka() -> None:
    given = {**NOTE, "message": {"payload": {"text": "${ .text }"}, "headers": {"x": 1}}}
    call = published(given, data={"text": "hello"})
    assert call.action == "kafka.publish"
    assert call.arguments.value == {
        "servers": ["kafka.example:9092"],
        "topic": "notifications",
        "payload": {"text": "hello"},
        "headers": {"content-type": "application/json", "x": 1},
    }


def test_who_is_calling_is_told_and_secrets_stay_out() -> None:
    document = changed("servers.broker.protocol", "kafka-secure")
    document["servers"]["broker"]["security"] = [{"$ref": "#/components/securitySchemes/scram"}]
    document["components"]["securitySchemes"] = {"scram": {"type": "scramSha512"}}
    payload: dict[str, Json] = {"token": "${ $secrets.token }"}
    call = published({**NOTE, "authentication": BASIC, **message(payload)}, document=document)
    arguments = call.arguments.value
    assert isinstance(arguments, dict)
    assert arguments["authentication"] == {"basic": {"username": "ada", "password": PLACEHOLDER}}
    assert (arguments["tls"], arguments["mechanism"]) == (True, "SCRAM-SHA-512")
    assert set(call.secrets) == {
        SecretUse("/authentication/basic/password", (SecretPath("kafka"),)),
        SecretUse("/payload/token", (SecretPath("token"),)),
    }


def test_the_schemes_of_a_document_of_2_are_found_by_name() -> None:
    document = document_v2()
    document["servers"]["broker"]["security"] = [{"scram": []}]
    document["components"]["securitySchemes"] = {"scram": {"type": "scramSha256"}}
    document["channels"]["/notifications"]["publish"] = {}
    arguments = published({**NOTE, "authentication": BASIC, **message()}, document=document).arguments.value
    assert isinstance(arguments, dict)
    assert arguments["mechanism"] == "SCRAM-SHA-256"


def test_http_has_the_authentication_of_http_calls() -> None:
    given = {**FIND, **message(), "authentication": {"bearer": {"token": "${ $secrets.token }"}}}
    call = published(given)
    arguments = call.arguments.value
    assert isinstance(arguments, dict)
    assert arguments["endpoint"] == {
        "uri": "http://fake.com/v1/pets/find",
        "authentication": {"bearer": {"token": PLACEHOLDER}},
    }
    assert call.secrets == (SecretUse("/endpoint/authentication/bearer/token", (SecretPath("token"),)),)


def with_variables() -> dict[str, Any]:
    document = changed("servers.broker.host", "{env}.kafka.example:{port}")
    document["servers"]["broker"]["variables"] = {
        "env": {"default": "dev", "enum": ["dev", "prod"]},
        "port": {"default": "9092"},
    }
    return document


@pytest.mark.parametrize(
    ("variables", "server"),
    [
        ({}, "dev.kafka.example:9092"),
        ({"env": "prod", "port": 9093}, "prod.kafka.example:9093"),
        ({"env": "${ .env }"}, "prod.kafka.example:9092"),
    ],
)
def test_a_server_has_variables(variables: dict[str, Json], server: str) -> None:
    given = {**NOTE, **message(), "server": {"name": "broker", "variables": variables}}
    arguments = published(given, document=with_variables(), data={"env": "prod"}).arguments.value
    assert isinstance(arguments, dict)
    assert arguments["servers"] == [server]


def test_a_variable_that_is_none_of_its_choices_is_an_error_of_the_run() -> None:
    given = {**NOTE, **message(), "server": {"name": "broker", "variables": {"env": "${ .env }"}}}
    driver = compiled(given, document=with_variables()).start({"env": "test"})
    assert (driver.error.status, driver.error.detail) == (
        400,
        "the variable `env` of the server is one of `dev`, `prod`",
    )


def test_what_a_document_says_is_never_an_expression() -> None:
    document = with_variables()
    document["servers"]["broker"]["variables"]["env"] = {"default": "${ .secret }"}
    arguments = published({**NOTE, **message()}, document=document, data={"secret": "x"}).arguments.value
    assert isinstance(arguments, dict)
    assert arguments["servers"] == ["${ .secret }.kafka.example:9092"]


def test_a_message_that_does_not_fit_is_an_error_of_the_run() -> None:
    given = {**FIND, "message": {"payload": {"petId": "${ .id }"}}}
    driver = compiled(given).start({"id": "seven"})
    assert driver.error.type.endswith("/validation")
    assert driver.error.detail == 'the payload of the message: "seven" is not of type "integer" (at /petId)'
    assert not driver.all_calls


def test_a_message_may_be_any_of_those_of_the_channel() -> None:
    others = {"other": {"payload": {"required": ["x"]}}, "find": {"payload": {"required": ["petId"]}}}
    document = changed("channels.pets.messages", others)
    payloads: list[Json] = [{"x": 1}, {"petId": 1}]
    for payload in payloads:
        published({**FIND, **message(payload)}, document=document)
    assert refused({**FIND, **message({"y": 1})}, document=document)[0] == "/message"


def test_other_schemas_are_not_looked_at() -> None:
    avro = {"schemaFormat": "application/vnd.apache.avro+json;version=1.9.0", "schema": {"type": "record"}}
    document = changed("channels.pets.messages.find", {"payload": avro})
    call = published({**FIND, **message({"anything": True})}, document=document)
    assert call.action == "http"


def test_traits_are_parts_of_a_message() -> None:
    trait = {"headers": {"type": "object", "required": ["x-trace"]}}
    document = changed("channels.pets.messages.find", {"traits": [trait]})
    assert refused({**FIND, **message()}, document=document) == (
        "/message",
        'the headers of the message: "x-trace" is a required property (at /)',
    )
    assert published({**FIND, **message(**{"x-trace": "1"})}, document=document).action == "http"


@pytest.mark.parametrize(
    ("given", "document", "pointer", "words"),
    [
        ({"operation": "find"}, None, "/operation", "there is no operation `find`; there are"),
        ({"operation": "findPetByStatus"}, None, "/operation", "did you mean `findPetsByStatus`?"),
        ({"channel": "pots"}, None, "/channel", "did you mean `pets`?"),
        ({"channel": "x"}, document_v2(), "/channel", "there are `/notifications`, `pets/find`"),
        ({"channel": "/notifications"}, document_v2(), "/channel", "has no `publish`"),
        (
            {"operation": "getNotifications"},
            document_v2(),
            "/operation",
            "is one to subscribe, not to publish",
        ),
        ({**FIND, "server": {"name": "x"}}, None, "/server/name", "it is served by `staging` (http)"),
        (
            {**NOTE, "server": {"name": "live"}},
            None,
            "/server/name",
            "what runs to publish is http and kafka",
        ),
        ({**FIND, "protocol": "kafka"}, None, "/protocol", "no server that speaks kafka"),
        ({**FIND, "protocol": "amqp"}, None, "/protocol", "amqp, and what runs to publish is http and kafka"),
        (FIND, changed("servers.staging.protocol", "mqtt"), "", "`staging` (mqtt)"),
        (FIND, changed("servers.staging", None), "/operation", "leads nowhere"),
        (FIND, changed("channels.pets.address", None), "/operation", "has no `address`"),
        (FIND, changed("channels.pets.address", "pets/{id}"), "/operation", "the parameter `id`, without a"),
        (FIND, changed("asyncapi", "1.2.0"), "/document/endpoint", "AsyncAPI 2.x and 3.x can be read"),
        (FIND, {"openapi": "3.0.0"}, "/document/endpoint", "it is no AsyncAPI document"),
        (FIND, b"[", "/document/endpoint", "asyncapi.json"),
        (
            {**NOTE, "authentication": {"bearer": {"token": "t"}}},
            None,
            "/authentication",
            "kafka has no `bearer` authentication: use basic",
        ),
        (
            NOTE,
            changed("components.messages.note.contentType", "avro/binary"),
            "",
            "its messages are `avro/binary`, and records can be JSON alone",
        ),
        (
            {**FIND, "message": {"payload": {"petId": "x"}}},
            None,
            "/message",
            '"x" is not of type "integer" (at /petId)',
        ),
        (
            FIND,
            changed("channels.pets.messages.find.payload", {"type": "nothing"}),
            "/operation",
            "not a schema that can be used",
        ),
        (
            {**NOTE, "server": {"name": "broker", "variables": {"region": "eu"}}},
            None,
            "/server/variables/region",
            "has no variable `region`",
        ),
        (
            {**NOTE, "server": {"name": "broker", "variables": {"env": "test"}}},
            with_variables(),
            "/server/variables/env",
            "is one of `dev`, `prod`",
        ),
        (NOTE, changed("servers.broker.host", "{env}:9092"), "/server", "needs its variable `env`"),
    ],
)
def test_what_is_wrong_is_told_at_publish(
    given: dict[str, Any],
    document: Any,  # noqa: ANN401 - any JSON value
    pointer: str,
    words: str,
) -> None:
    found = refused({**message(), **given}, document=document)
    assert found[0] == pointer, found
    assert words in found[1]
