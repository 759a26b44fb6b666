"""Whatever stands in a document: a call of a channel is made, refused, or faults. Nothing else."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.asyncapi_documents import document_v2, document_v3
from tests.unit.core.arbitrary import json_values
from tests.unit.core.asyncapi_calls import compiled
from tidemill.dsl import DocumentError
from tidemill.engine.core.state import Phase
from tidemill.json import Json

NAMES = [
    "$ref",
    "name",
    "default",
    "#/servers",
    "#/channels/pets",
    "kafka",
    "enum",
    "oneOf",
    "location",
    "{a}",
]
VALUES = json_values(NAMES)
PUBLISH: dict[str, Json] = {"message": {"payload": {"petId": 1}, "headers": {"a": "b"}}}
SUBSCRIBE: dict[str, Json] = {"subscription": {"filter": "${ .payload }", "consume": {"amount": 1}}}
CALLS: list[dict[str, Json]] = [
    {"operation": "findPetsByStatus", **PUBLISH},
    {"operation": "getNotifications", **SUBSCRIBE},
    {"channel": "/notifications", "protocol": "kafka", **SUBSCRIBE},
    {"channel": "/notifications", "server": {"name": "broker", "variables": {"v": "1"}}, **SUBSCRIBE},
]


def whole(document: dict[str, Any]) -> dict[str, Any]:
    """The document with all that its servers and messages may have besides."""
    broker = document["servers"]["broker"]
    broker["variables"] = {"v": {"default": "1", "enum": ["1", "2"]}}
    by_reference: Json = [{"$ref": "#/components/x"}]
    by_name: Json = [{"x": []}]
    broker["security"] = by_reference if document["asyncapi"] == "3.0.0" else by_name
    document["components"]["securitySchemes"] = {"x": {"type": "plain"}}
    document["components"]["x"] = {"type": "scramSha256"}
    document["components"]["messages"]["note"]["traits"] = [{"headers": {"type": "object"}}]
    return document


DOCUMENTS = [whole(document_v3()), whole(document_v2())]


def paths(value: Json, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value inside a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from paths(item, (*path, key))


def replaced(document: Any, path: tuple[Any, ...], value: Json) -> Any:  # noqa: ANN401 - any JSON value
    made = copy.deepcopy(document)
    holder = made
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return made


@pytest.mark.parametrize("call", CALLS)
@settings(max_examples=120, deadline=None)
@given(st.data())
def test_any_document_calls_refuses_or_faults(call: dict[str, Json], data: st.DataObject) -> None:
    document = data.draw(st.sampled_from(DOCUMENTS))
    path = data.draw(st.sampled_from(list(paths(document))))
    try:
        driver = compiled(call, document=replaced(document, path, data.draw(VALUES))).start()
    except DocumentError:
        return
    assert driver.phase in (Phase.RUNNING, Phase.FAULTED)


def test_the_documents_are_called_as_they_are() -> None:
    made = [compiled(call, document=document).start().phase for document in DOCUMENTS for call in CALLS]
    assert made == [Phase.RUNNING] * len(made)
