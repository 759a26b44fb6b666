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


class Mutator:
    """Changes documents, with pieces of the donors among what it puts in."""

    def __init__(self, donors: list[Json], *, seed: int) -> None:
        self._chance = random.Random(seed)
        self._pieces: list[Json] = []
        self._pieces_by_key: dict[str | int, list[Json]] = {}
        for donor in donors:
            for container, key in _slots(donor):
                self._pieces.append(container[key])
                self._pieces_by_key.setdefault(key, []).append(container[key])
        self._keys = [key for key in self._pieces_by_key if isinstance(key, str)]

    def mutants(self, document: Json, *, count: int) -> Iterator[Json]:
        """`count` changed copies of a document, one to three changes each."""
        for _ in range(count):
            mutant = copy.deepcopy(document)
            for _ in range(self._chance.choice((1, 1, 1, 2, 3))):
                self._change(mutant)
            yield mutant

    def _change(self, document: Tree) -> None:
        slots = list(_slots(document))
        if not slots:
            return
        container, key = self._chance.choice(slots)
        match self._chance.choice(("drop", "add", "retype", "swap", "transplant", "transplant")):
            case "drop":
                del container[key]
            case "add":
                self._add(container)
            case "retype":
                container[key] = self._value()
            case "swap":
                other, other_key = self._chance.choice(slots)
                ours, theirs = copy.deepcopy(container[key]), copy.deepcopy(other[other_key])
                container[key], other[other_key] = theirs, ours
            case "transplant":
                # What stands under the same key elsewhere: so changes stay near what is well formed.
                pieces = self._pieces_by_key.get(key, self._pieces)
                container[key] = copy.deepcopy(self._chance.choice(pieces))

    def _add(self, container: Tree) -> None:
        if isinstance(container, list):
            container.append(self._value())
        else:
            container[self._chance.choice([*self._keys, "unknown"])] = self._value()

    def _value(self) -> Json:
        kind = self._chance.random()
        if kind < 0.6:
            return self._chance.choice(_SCALARS)
        if kind < 0.8:
            return {} if kind < 0.7 else []
        return copy.deepcopy(self._chance.choice(self._pieces))


def _slots(value: Tree) -> Iterator[tuple[Tree, str | int]]:
    """Every member of every object and array, as the container and the key."""
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, item in members:
        yield value, key
        yield from _slots(item)
