"""Calls of operations of a small document, compiled and asked for."""

import copy
import json
from dataclasses import dataclass
from typing import Any, Final

from tests.unit.core.driver import Driver, Value
from tidemill.dsl import DocumentError
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.secrets import SecretUse

DOCUMENT_URI: Final = "https://pets.example/v1/openapi.json"
_JSON: Final[dict[str, Any]] = {"content": {"application/json": {}}}
PETS: Final[dict[str, Any]] = {
    "openapi": "3.0.3",
    "servers": [{"url": "https://api.example/"}],
    "paths": {
        "/pets": {
            "get": {"operationId": "listPets", "responses": {"200": _JSON}},
            "post": {"operationId": "addPet", "requestBody": {"required": True, **_JSON}},
        },
        "/pets/{petId}": {
            "parameters": [{"name": "petId", "in": "path", "required": True}],
            "get": {"operationId": "getPet"},
        },
    },
}


@dataclass(frozen=True)
class Called:
    """What was asked of the Action service."""

    arguments: Payload
    secrets: tuple[SecretUse, ...]

    @property
    def members(self) -> dict[str, Any]:
        members = self.arguments.value
        assert isinstance(members, dict)
        return members

    @property
    def endpoint(self) -> Any:  # noqa: ANN401 - any JSON value
        return self.members["endpoint"]


def changed(**members: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """The document with other members."""
    return copy.deepcopy(PETS) | members


def swagger(**members: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """A document of 2.0 with these members, and one operation."""
    return {"swagger": "2.0", "paths": {"/pets": {"get": {"operationId": "listPets"}}}, **members}


def operation(
    *parameters: Any,  # noqa: ANN401 - any JSON value
    is_swagger: bool = False,
    path: str = "/pets",
    **members: Any,  # noqa: ANN401 - any JSON value
) -> dict[str, Any]:
    """A document with one operation, `op`, which has these parameters."""
    paths = {path: {"post": {"operationId": "op", "parameters": list(parameters), **members}}}
    version = {"swagger": "2.0", "host": "api.example"} if is_swagger else {"openapi": "3.1.0"}
    return {**version, "servers": [{"url": "https://api.example"}], "paths": paths}


def started(
    name: str,
    parameters: Value = None,
    *,
    document: dict[str, Any] | bytes = PETS,
    data: Value = None,
    copies: int = 1,
    **members: Value,
) -> Driver:
    """An execution that has begun with the call of an operation."""
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    given: dict[str, Value] = {"document": {"endpoint": DOCUMENT_URI}, "operationId": name, **members}
    if parameters is not None:
        given["parameters"] = parameters
    use: Value = {"secrets": ["key"], "authentications": {"named": {"bearer": {"token": "t"}}}}
    tasks = [{f"ask{n}": {"call": "openapi", "with": given}} for n in range(copies)]
    return Driver(*tasks, documents={DOCUMENT_URI: content}, use=use).start(data)


def called(name: str, parameters: Value = None, **options: Any) -> Called:  # noqa: ANN401 - those of `started`
    """What a call of an operation asks for."""
    call = started(name, parameters, **options).call_of("/do/0/ask0")
    assert call.action == "http"
    return Called(call.arguments, call.secrets)


def refused(name: str, parameters: Value = None, **options: Any) -> tuple[str, str]:  # noqa: ANN401 - as above
    """Where in the `with` a call is refused when it is compiled, and why."""
    try:
        started(name, parameters, **options)
    except DocumentError as error:
        (problem,) = error.problems
        return problem.pointer.removeprefix("/do/0/ask0/with/"), problem.message
    raise AssertionError("it was not refused")
