"""Secrets in every place of the language: taken in calls and authentication, refused everywhere else."""

from collections.abc import Mapping
from typing import Final

import pytest

from tests.unit.dsl.positions import Edge, Position, outside_edges, positions, reached
from tidemill.dsl.checking import check
from tidemill.dsl.shapes import SHAPES, Level, engine_functions, policies
from tidemill.json import Json

REFUSAL: Final = "`$secrets` may stand only in the `with` of outside calls and in authentication"
GUARDED: Final[Json] = {
    "endpoint": {
        "uri": "https://a.example",
        "authentication": {"bearer": {"token": "${ $secrets.known }"}},
    }
}
# What the engine itself asks of a call, or of what the call has heard: it never has a secret.
OF_THE_ENGINE: Final[frozenset[Edge]] = frozenset(
    {
        ("mcp arguments", "timeout"),
        ("asyncapi server", "variables"),
        ("asyncapi subscription", "filter"),
        *(("asyncapi policy", member) for member in ("for", "while", "until")),
        *((level, "as") for level in ("output", "export")),
    }
)
# Documents that are fetched when a definition is published, by an engine that has no secrets.
FETCHED: Final[Mapping[Edge, Json]] = {
    ("asyncapi call arguments", "document"): {
        "call": "asyncapi",
        "with": {"operation": "a", "document": GUARDED, "message": {}},
    },
    ("openapi arguments", "document"): {"call": "openapi", "with": {"operationId": "a", "document": GUARDED}},
    ("grpc arguments", "proto"): {
        "call": "grpc",
        "with": {"proto": GUARDED, "service": {"name": "A", "host": "a.test"}, "method": "b"},
    },
}
FOUND: Final = list(positions("${ $secrets.known }"))


def refusals(document: dict[str, Json], pointer: str) -> list[str]:
    """The sentences about secrets at a place or in it."""
    use = document.get("use")
    whole: Json = {**document, "use": {**(use if isinstance(use, dict) else {}), "secrets": ["known"]}}
    told = [problem for problem in check(whole) if problem.pointer.startswith(pointer)]
    return [problem.message for problem in told if "$secrets" in problem.message]


def test_no_level_of_the_language_is_overlooked() -> None:
    """Those that stand beside the language's own are in documents that the rules of their functions read."""
    ours = engine_functions.SHAPES.keys() | policies.SHAPES.keys()
    levels = {name for name, shape in SHAPES.items() if isinstance(shape, Level)} - ours
    assert levels - reached() == set()


def test_places_are_found_on_both_sides() -> None:
    assert sum(position.is_outside for position in FOUND) > 40
    assert sum(not position.is_outside for position in FOUND) > 80
    assert {position.edge for position in FOUND if position.is_outside} >= OF_THE_ENGINE


@pytest.mark.parametrize("position", FOUND, ids=lambda each: f"{each.pointer} {each.edge[0]}")
def test_a_secret_is_taken_or_refused(position: Position) -> None:
    leaves_the_engine = position.is_outside and position.edge not in OF_THE_ENGINE
    told = refusals(position.document, position.pointer)
    assert told == ([] if leaves_the_engine else [REFUSAL])


@pytest.mark.parametrize(
    ("function", "given"),
    [
        ("waitUntil", {"at": "${ $secrets.known }"}),
        ("split", {"branches": "${ $secrets.known }"}),
        ("pace", {"limit": 1, "per": "PT1S", "key": "${ $secrets.known }"}),
    ],
)
def test_functions_of_the_engine_take_no_secret(function: str, given: Json) -> None:
    task: Json = {"call": f"{function}:1.0.0@default", "with": given}
    assert refusals({"do": [{"a": task}]}, "/do/0/a/with") == [REFUSAL]


def test_functions_that_the_document_defines_take_no_secret() -> None:
    functions: Json = {"own": {"set": {"a": 1}}}
    document: dict[str, Json] = {
        "use": {"functions": functions},
        "do": [{"a": {"call": "own", "with": {"b": "${ $secrets.known }"}}}],
    }
    assert refusals(document, "/do/0/a/with") == [REFUSAL]


@pytest.mark.parametrize("edge", FETCHED)
def test_documents_that_are_fetched_at_publish_take_no_secret(edge: Edge) -> None:
    assert edge in outside_edges()
    document: Json = {"use": {"secrets": ["known"]}, "do": [{"a": FETCHED[edge]}]}
    [problem] = [each for each in check(document) if each.pointer.startswith("/do")]
    assert problem.pointer == f"/do/0/a/with/{edge[1]}/endpoint"
    assert problem.message.endswith("secrets and other schemes are for calls")
