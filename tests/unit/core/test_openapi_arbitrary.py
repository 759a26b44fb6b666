"""Whatever stands in a document, and whatever is given: a call is made, refused, or faults. Nothing else."""

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.core.arbitrary import json_values
from tests.unit.core.openapi_calls import DOCUMENT_URI
from tidemill.dsl import DocumentError
from tidemill.engine.core.compiler import Compiler
from tidemill.engine.core.evaluation import Evaluator
from tidemill.engine.core.faults import FAULTS
from tidemill.engine.core.openapi.request import OpenApiRequest
from tidemill.engine.core.tasks.registry import KINDS
from tidemill.json import Json, dumps

NAMES = [
    "in",
    "name",
    "$ref",
    "content",
    "style",
    "explode",
    "default",
    "url",
    "op",
    "#/paths",
    "query",
    "path",
]
VALUES = json_values(NAMES)
PARAMETERS: list[Any] = [
    {"name": "a", "in": "path", "required": True, "style": "matrix"},
    {"name": "b", "in": "query", "style": "deepObject", "explode": True},
    {"name": "c", "in": "header", "content": {"application/json": {}}},
    {"name": "d", "in": "cookie"},
    {"$ref": "#/components/parameters/e"},
]
MODERN = {
    "openapi": "3.1.0",
    "servers": [{"url": "https://{v}.example/", "variables": {"v": {"default": "a"}}}],
    "components": {"parameters": {"e": {"name": "e", "in": "query", "allowReserved": True}}},
    "paths": {
        "/x/{a}": {
            "parameters": PARAMETERS[:2],
            "post": {
                "operationId": "op",
                "parameters": PARAMETERS[2:],
                "requestBody": {"required": True, "content": {"application/json": {}}},
                "responses": {"200": {"content": {"application/json": {}}}},
            },
        }
    },
}
SWAGGER = {
    "swagger": "2.0",
    "host": "api.example",
    "basePath": "/v1",
    "schemes": ["https"],
    "consumes": ["application/x-www-form-urlencoded"],
    "produces": ["application/json"],
    "paths": {
        "/x/{a}": {
            "post": {
                "operationId": "op",
                "parameters": [
                    {"name": "a", "in": "path", "required": True, "type": "integer"},
                    {"name": "b", "in": "query", "collectionFormat": "multi"},
                    {"name": "c", "in": "formData", "collectionFormat": "pipes"},
                ],
            }
        }
    },
}


def places(value: Any) -> list[tuple[Any, Any]]:  # noqa: ANN401 - any JSON value
    """Each container with each of its keys."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in items for place in ((value, key), *places(item))]


@given(
    st.data(),
    st.sampled_from([MODERN, SWAGGER]),
    st.dictionaries(st.sampled_from("abcdez"), VALUES, max_size=5),
)
@settings(max_examples=400, deadline=None)
def test_documents_and_parameters_of_any_kind(
    data: st.DataObject, document: dict[str, Any], parameters: dict[str, Json]
) -> None:
    changed = copy.deepcopy(document)
    for _ in range(data.draw(st.integers(0, 2))):
        container, key = data.draw(st.sampled_from(places(changed)))
        container[key] = data.draw(VALUES)
    compiler = Compiler({}, KINDS, {DOCUMENT_URI: json.dumps(changed).encode()})
    written: dict[str, Json] = {
        "document": {"endpoint": DOCUMENT_URI},
        "operationId": "op",
        "parameters": parameters,
    }
    try:
        request = OpenApiRequest(written, "", compiler)
        dumps(request.arguments(Evaluator(0, 1_000), {}, {}))
    except (DocumentError, *FAULTS):
        return


def test_what_is_left_as_it_is_can_be_called() -> None:
    # Else the test above could pass by refusing everything.
    for document, name in ((MODERN, "z"), (SWAGGER, "c")):
        compiler = Compiler({}, KINDS, {DOCUMENT_URI: json.dumps(document).encode()})
        given_: dict[str, Json] = {"a": 1, "b": {"k": 2}, name: "v"}
        request = OpenApiRequest(
            {"document": {"endpoint": DOCUMENT_URI}, "operationId": "op", "parameters": given_}, "", compiler
        )
        assert isinstance(request.arguments(Evaluator(0, 1_000), {}, {}), dict)
