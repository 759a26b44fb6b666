"""`call: grpc` asks for the action of this name, with the text of the .proto file."""

from collections.abc import Mapping

import pytest

from tests.unit.core.driver import Driver, Task, Value
from tidemill.dsl import DocumentError
from tidemill.engine.core.effects import CallAction
from tidemill.engine.core.grpc_request import imports_of
from tidemill.engine.core.secrets import PLACEHOLDER, SecretPath, SecretUse

URI = "https://stock.example/stock.proto"
TEXT = 'syntax = "proto3";\nimport "google/protobuf/empty.proto";\n// ${ .not } an expression\n'
USE: Value = {
    "secrets": ["token", "login"],
    "authentications": {
        "named": {"bearer": {"token": "${ $secrets.token }"}},
        "hashed": {"digest": {"username": "u", "password": "p"}},
    },
}


def driver(
    *,
    content: bytes = TEXT.encode(),
    uri: Value = URI,
    service: Mapping[str, Value] | None = None,
    **given: Value,
) -> Driver:
    task: Task = {
        "call": "grpc",
        "with": {
            "proto": {"endpoint": uri},
            "service": {"name": "shop.v1.Stock", "host": "stock.example", **(service or {})},
            "method": "Look",
            **given,
        },
    }
    return Driver({"ask": task}, use=USE, documents={URI: content})


def called(data: Value = None, **given: Value) -> CallAction:
    return driver(**given).start(data).call_of("/do/0/ask")


def test_the_text_goes_with_the_call() -> None:
    call = called({"sku": "a"}, arguments={"sku": "${ .sku }", "count": 1})
    assert (call.action, call.secrets) == ("grpc", ())
    assert call.arguments.value == {
        "proto": TEXT,
        "service": {"name": "shop.v1.Stock", "host": "stock.example"},
        "method": "Look",
        "arguments": {"sku": "a", "count": 1},
    }


def test_by_reflection_no_text_goes_with_the_call() -> None:
    assert called(uri="grpc://reflection").arguments.value == {
        "service": {"name": "shop.v1.Stock", "host": "stock.example"},
        "method": "Look",
    }


def test_secrets_stand_in_arguments_and_authentication() -> None:
    service: Value = {"port": 5011, "authentication": {"use": "named"}}
    call = called(service=service, arguments={"sku": "${ $secrets.login }"})
    arguments = call.arguments.value
    assert isinstance(arguments, dict)
    assert arguments["service"] == {
        "name": "shop.v1.Stock",
        "host": "stock.example",
        "port": 5011,
        "authentication": {"bearer": {"token": PLACEHOLDER}},
    }
    assert set(call.secrets) == {
        SecretUse("/service/authentication/bearer/token", (SecretPath("token"),)),
        SecretUse("/arguments/sku", (SecretPath("login"),)),
    }


def test_the_authority_of_tokens_is_a_template() -> None:
    oauth2: Value = {
        "authority": "https://{tenant}.example",
        "grant": "client_credentials",
        "client": {"id": "i", "secret": "s"},
    }
    call = called({"tenant": "t1"}, service={"authentication": {"oauth2": oauth2}})
    arguments = call.arguments.value
    assert isinstance(arguments, dict)
    service = arguments["service"]
    assert isinstance(service, dict)
    authentication = service["authentication"]
    assert authentication == {"oauth2": {**oauth2, "authority": "https://t1.example"}}


@pytest.mark.parametrize("authentication", [{"use": "hashed"}, {"digest": {"use": "login"}}])
def test_digest_is_refused(authentication: Value) -> None:
    with pytest.raises(DocumentError) as refused:
        driver(service={"authentication": authentication})
    [problem] = refused.value.problems
    assert problem.pointer == "/do/0/ask/with/service/authentication"
    assert problem.message == "gRPC has no `digest` authentication: use basic, bearer, oauth2 or oidc"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'import "google/api/http.proto";', "it imports google/api/http.proto; a .proto file can import"),
        (b"a" * 131_073, "a .proto file may have 131072 bytes (PROTO_BYTES_MAX)"),
        (b"// \xff", "it is not UTF-8 (byte 3)"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(content: bytes, sentence: str) -> None:
    with pytest.raises(DocumentError) as refused:
        driver(content=content)
    [problem] = refused.value.problems
    assert problem.pointer == "/do/0/ask/with/proto/endpoint"
    assert problem.message.startswith(f"{URI}: {sentence}")


def test_imports_are_found_where_they_are_imports() -> None:
    text = """
    syntax = "proto3"; // import "a.proto";
    /* import "b.proto"; */
    option x = "import 'c.proto'";
    import "d.proto"; import public 'e.proto';
    import weak
      "f.proto";
    message M { string imported = 1 [default = "\\" import \\"g.proto\\""]; }
    /* import "h.proto";
    """
    assert imports_of(text) == ["d.proto", "e.proto", "f.proto"]


def test_texts_that_never_end_are_read_in_no_time() -> None:
    assert imports_of("/*" * 60_000) == []
    assert imports_of("import " * 18_000) == []
    assert imports_of('"\n' * 60_000) == []
