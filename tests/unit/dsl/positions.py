"""Every place of the language where an expression may stand, or the name of a secret, found by going through
the shapes themselves.

Nothing here knows a place by name: a shape that is added, or a member, is found, and so has to be told of in
the tests that hold their tables against this.
"""

from collections import deque
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Final

from tidemill.dsl.pointers import child
from tidemill.dsl.rules.expressions import EXPRESSION_RULES
from tidemill.dsl.shapes import PROTOCOLS, SHAPES, Level, UndecidedError, decide
from tidemill.dsl.walk import places
from tidemill.json import Json

# A member of a level: the names of both. An item of a list, or a member that an author names, is `*`.
Edge = tuple[str, str]
EACH: Final = "*"
_SECRET_NAME: Final = "secret name"
_LEAVES: Final = frozenset(EXPRESSION_RULES) | {_SECRET_NAME}
_MEMBERS: Final = sorted(
    {name for shape in SHAPES.values() if isinstance(shape, Level) for name in shape.parts}
)
# What an author may write to mean one shape or another: enough that every choice is made in every way.
_TEXTS: Final = ("${ .a }", "a", "^a$", "/a")
_CALLS: Final = (*PROTOCOLS, "a:1.0.0")
_PAIRS: Final = combinations(("operation", "channel", "message", "subscription"), 2)
_OBJECTS: Final[list[dict[str, Json]]] = [
    {},
    {"for": {}, "do": []},
    {"cleanup": "always"},
    {"cleanup": "eventually", "after": "PT1S"},
]
_OBJECTS.extend({name: {}} for name in _MEMBERS)
_OBJECTS.extend({"call": name} for name in _CALLS)
_OBJECTS.extend({first: "a", second: "a"} for first, second in _PAIRS)
_PROBES: Final[tuple[Json, ...]] = (*_TEXTS, 1, [], *_OBJECTS)


@dataclass(frozen=True, slots=True)
class Position:
    """A place: the member that holds it, and a document with a value there. Around it is a call, or an
    authentication with a name, where it `is_outside`: what stands there leaves the engine."""

    edge: Edge
    pointer: str
    document: dict[str, Json]
    is_outside: bool


def positions(value: str) -> Iterator[Position]:
    """Every member that may hold an expression, once outside and once elsewhere: with a document that has the
    value there, and else no more than it takes for it to be understood."""
    seen: set[tuple[str, bool]] = set()
    found: set[tuple[Edge, str, bool]] = set()
    waiting = deque([_Way("workflow")])
    while waiting:
        way = waiting.popleft()
        for level, probe in _levels(way.shape):
            mark, place = (level.name, way.is_outside), (way.edge, level.name, way.is_outside)
            if level.name in _LEAVES:
                if level.name != _SECRET_NAME and place not in found:
                    found.add(place)
                    yield way.position(level, value)
            elif mark not in seen:
                seen.add(mark)
                waiting.extend(way.down(level, probe))


def outside_edges(without: Container[Edge] = ()) -> frozenset[Edge]:
    """Every member, in calls and in authentications with names, that holds an expression or a secret's name,
    or leads to one; not those that are left out, nor what only they lead to."""
    edges: set[Edge] = set()
    seen: set[str] = set()
    waiting = [way for way in _all_ways() if way.is_outside and _leads_outside(*way.edge)]
    while waiting:
        way = waiting.pop()
        if way.edge in without or not _holds(way.shape):
            continue
        edges.add(way.edge)
        for level, probe in _levels(way.shape):
            if level.name not in seen and level.name not in _LEAVES:
                seen.add(level.name)
                waiting.extend(each for each in way.down(level, probe) if each.is_outside)
    return frozenset(edges)


def edges_of_secrets(document: Json) -> Iterator[Edge]:
    """The members on the way to each secret of a document."""
    found = {place.pointer: place for place in places(document)}
    for place in found.values():
        is_use = place.level.name in EXPRESSION_RULES and "$secrets" in str(place.value)
        if is_use or place.level.name == _SECRET_NAME:
            pointer = place.pointer
            while pointer:
                parent, _, key = pointer.rpartition("/")
                yield _edge(found[parent].level, key)
                pointer = parent


def reached() -> set[str]:
    """The names of all levels that can stand in a workflow."""
    found: set[str] = set()
    waiting = ["workflow"]
    while waiting:
        for level, _ in _levels(waiting.pop()):
            if level.name not in found:
                found.add(level.name)
                waiting.extend((*level.parts.values(), *filter(None, [level.each])))
    return found


@dataclass(frozen=True, slots=True)
class _Way:
    """A shape, the keys that lead to it, and what stands beside each of them."""

    shape: str
    keys: tuple[str | int, ...] = ()
    beside: tuple[Json, ...] = ()
    is_outside: bool = False
    edge: Edge = ("", "")

    def down(self, level: Level, probe: Json) -> Iterator["_Way"]:
        members: Mapping[str, str] = {**level.parts, **({EACH: level.each} if level.each else {})}
        for name, shape in members.items():
            beside = _beside(self.shape, level, name, probe)
            key: str | int = name if name != EACH else 0 if isinstance(probe, list) else "named"
            # Tasks that stand in a call are no part of it.
            outside = (self.is_outside or _leads_outside(level.name, name)) and shape != "task list"
            yield _Way(shape, (*self.keys, key), (*self.beside, beside), outside, _edge(level, name))

    def position(self, level: Level, value: str) -> Position:
        document: Json = {"deep": [value]} if level.schema.get("type") == "object" else value
        for key, beside in zip(reversed(self.keys), reversed(self.beside), strict=True):
            members = beside if isinstance(beside, dict) else {}
            document = [document] if isinstance(key, int) else {**members, key: document}
        pointer = ""
        for key in self.keys:
            pointer = child(pointer, key)
        assert isinstance(document, dict)
        return Position(self.edge, pointer, document, self.is_outside)


def _all_ways() -> list[_Way]:
    """One way to each level, outside and elsewhere."""
    seen: set[tuple[str, bool]] = set()
    found = [_Way("workflow")]
    for way in found:
        for level, probe in _levels(way.shape):
            if (level.name, way.is_outside) not in seen:
                seen.add((level.name, way.is_outside))
                found.extend(way.down(level, probe))
    return found


@cache
def _holds(shape: str) -> bool:
    """Whether an expression, or the name of a secret, stands at a shape or below it; tasks are their own."""
    if shape == "task list":
        return False
    return any(
        level.name in _LEAVES or any(map(_holds, (*level.parts.values(), *filter(None, [level.each]))))
        for level, _ in _levels(shape)
    )


@cache
def _levels(shape: str) -> tuple[tuple[Level, Json], ...]:
    """The levels that a shape may turn out to be, each with a value that means it."""
    chosen = SHAPES[shape]
    if isinstance(chosen, Level):
        return ((chosen, [] if chosen.schema.get("type") == "array" else {}),)
    found: dict[str, tuple[Level, Json]] = {}
    for probe in _PROBES:
        level = _decided(shape, probe)
        if level is not None:
            found.setdefault(level.name, (level, probe))
    return tuple(found.values())


def _beside(shape: str, level: Level, name: str, probe: Json) -> Json:
    """What stands beside a member, so that the whole is still understood as the level."""
    candidates = (each for each in (probe, *_OBJECTS) if isinstance(each, dict))
    return next((each for each in candidates if _decided(shape, {**each, name: "a"}) == level), probe)


def _decided(shape: str, value: Json) -> Level | None:
    try:
        return decide(shape, value)
    except UndecidedError:
        return None


def _edge(level: Level, key: str) -> Edge:
    return level.name, key if key in level.parts else EACH


def _leads_outside(level: str, name: str) -> bool:
    return (level.endswith(" call task") and name == "with") or (level, name) == ("use", "authentications")
