"""Seeded changes to documents: drop a key, add one, change a type, swap or transplant values."""

import copy
import random
from collections.abc import Iterator
from typing import Any, TypeAlias

from tidemill.json import Json

# JSON that is changed in place.
Tree: TypeAlias = Any

_SCALARS: tuple[Json, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1.0,
        2.5,
        404,
        "",
        "text",
        "continue",
        "PT5S",
        "P1Y2M",
        "P1DT",
        "${ .a }",
        "${ .a",
    ),
    *(
        "/do/0/a",
        "https://example.com/{id}",
        "with space",
        "^a.*$",
        "2026-01-31T08:00:00Z",
        "always",
        "content",
    ),
    *("eventually", "envelope", "all", "1.0.0", "http", "grpc", "mcp", "a2a", "asyncapi", "openapi"),
)


def mutants(document: Json, donors: list[Json], *, seed: int, count: int) -> Iterator[Json]:
    """`count` changed copies of a document, one to three changes each."""
    chance = random.Random(seed)
    keys = sorted({key for donor in donors for key in _keys(donor)})
    for _ in range(count):
        mutant = copy.deepcopy(document)
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            _change(mutant, chance, keys, donors)
        yield mutant


def _keys(value: Json) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for _, container, key in _slots(value):
        if isinstance(container[key], dict):
            yield from container[key]


def _slots(value: Tree, depth: int = 0) -> Iterator[tuple[int, Any, Any]]:
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, item in members:
        yield depth, value, key
        yield from _slots(item, depth + 1)


def _change(document: Tree, chance: random.Random, keys: list[str], donors: list[Json]) -> None:
    slots = list(_slots(document))
    if not slots:
        return
    _, container, key = chance.choice(slots)
    match chance.choice(("drop", "add", "retype", "swap", "transplant", "transplant")):
        case "drop":
            del container[key]
        case "add":
            _add(container, chance, keys, donors)
        case "retype":
            container[key] = _some_value(chance, donors)
        case "swap":
            _, other, other_key = chance.choice(slots)
            ours, theirs = copy.deepcopy(container[key]), copy.deepcopy(other[other_key])
            container[key], other[other_key] = theirs, ours
        case "transplant":
            _transplant(container, key, chance, donors)


def _add(container: Tree, chance: random.Random, keys: list[str], donors: list[Json]) -> None:
    if isinstance(container, list):
        container.append(_some_value(chance, donors))
    else:
        container[chance.choice((chance.choice(keys), "unknown"))] = _some_value(chance, donors)


def _some_value(chance: random.Random, donors: list[Json]) -> Json:
    kind = chance.random()
    if kind < 0.6:
        return chance.choice(_SCALARS)
    if kind < 0.7:
        return {}
    if kind < 0.8:
        return []
    return _piece(chance, donors)


def _piece(chance: random.Random, donors: list[Json]) -> Json:
    _, container, key = chance.choice(list(_slots(chance.choice(donors))))
    piece: Json = copy.deepcopy(container[key])
    return piece


def _transplant(container: Tree, key: str | int, chance: random.Random, donors: list[Json]) -> None:
    """Put there what stands under the same key elsewhere, so that changes stay near what is well formed."""
    pieces = [there[k] for donor in donors for _, there, k in _slots(donor) if k == key and k != 0]
    container[key] = copy.deepcopy(chance.choice(pieces)) if pieces else _some_value(chance, donors)
