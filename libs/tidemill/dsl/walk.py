"""Goes through a document place by place, in its order, with the shape and the scope of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Final

import jsonschema_rs

from tidemill.dsl.limits import PROBLEMS_MAX
from tidemill.dsl.pointers import child
from tidemill.dsl.problems import Problem, Severity
from tidemill.dsl.references import section
from tidemill.dsl.scopes import Scope, inside, member
from tidemill.dsl.shapes import Level, UndecidedError, decide, validator
from tidemill.json import Json


@dataclass(frozen=True, slots=True)
class Place:
    """A value of the document, the level that it is meant to be, and what is wrong with its own shape."""

    level: Level
    pointer: str
    key: str
    value: Json
    scope: Scope
    faults: tuple[Problem, ...]

    @property
    def sound(self) -> bool:
        """Whether rules may take the shape of this level (not of those below) for granted."""
        return not any(fault.severity == "error" for fault in self.faults)

    def problem(self, message: str) -> Problem:
        """An error at this place."""
        return Problem(self.pointer, message)

    def warning(self, message: str) -> Problem:
        """A warning at this place."""
        return Problem(self.pointer, message, "warning")


@dataclass(frozen=True, slots=True)
class _Visit:
    shape: str
    pointer: str
    key: str
    value: Json
    scope: Scope


def places(document: Json) -> Iterator[Place]:
    """Every place of a document that is within its bounds, parents first, in the document's order."""
    functions = frozenset(section(document, "functions"))
    catalogs = frozenset(section(document, "catalogs"))
    return places_of("workflow", document, "", Scope(functions=functions, catalogs=catalogs))


def places_of_function(task: Json) -> Iterator[Place]:
    """Every place of the task of a function from outside, which knows nothing of its caller's document."""
    return places_of("task", task, "", Scope())


def places_of(shape: str, value: Json, pointer: str, scope: Scope) -> Iterator[Place]:
    """Every place of a part of a document."""
    waiting = [_Visit(shape, pointer, pointer.rpartition("/")[2], value, scope)]
    while waiting:
        visit = waiting.pop()
        place = _look(visit)
        yield place
        waiting.extend(reversed(_below(place)))


_UNDECIDED: Final = Level("undecided", "", {})


def _look(visit: _Visit) -> Place:
    faults: tuple[Problem, ...]
    try:
        level = decide(visit.shape, visit.value)
        faults = tuple(islice(_faults(level, visit), PROBLEMS_MAX))
    except UndecidedError as undecided:
        level, faults = _UNDECIDED, (Problem(visit.pointer, f"{_label(visit.key)} {undecided}"),)
    return Place(level, visit.pointer, visit.key, visit.value, visit.scope, faults)


def _below(place: Place) -> list[_Visit]:
    level, value = place.level, place.value
    if not (level.parts or level.each) or not isinstance(value, dict | list):
        return []
    scope = inside(level.name, value, place.scope)
    members = value.items() if isinstance(value, dict) else enumerate(value)
    return [
        _Visit(shape, child(place.pointer, key), str(key), item, member(level.name, str(key), value, scope))
        for key, item in members
        if (shape := level.parts.get(str(key)) or level.each)
    ]


def _faults(level: Level, visit: _Visit) -> Iterator[Problem]:
    """What the level's schema says, shown only what it judges: the keys, the length, or the scalar."""
    outline = _outline(visit.value)
    schema = validator(level.name)
    if not schema.is_valid(outline):
        # Several keywords may fail for one reason, and are then one sentence.
        sentences = dict.fromkeys(_translate(error, level, visit) for error in schema.iter_errors(outline))
        yield from (sentence for sentence in sentences if sentence)
    if isinstance(visit.value, dict) and level.parts and not level.each:
        yield from _unknown_members(level, visit, visit.value)


def _unknown_members(level: Level, visit: _Visit, value: dict[str, Json]) -> Iterator[Problem]:
    passed_over = " and is passed over" if level.lenient else ""
    for key in value:
        if key not in level.parts:
            message = f"`{key:.80}` is not known in {level.noun}{passed_over}{_hint(key, level)}"
            severity: Severity = "warning" if level.lenient else "error"
            yield Problem(child(visit.pointer, key), message, severity)


def _outline(value: Json) -> Json:
    if isinstance(value, dict):
        return dict.fromkeys(value)
    return [None] * len(value) if isinstance(value, list) else value


def _translate(error: jsonschema_rs.ValidationError, level: Level, visit: _Visit) -> Problem | None:
    match error.kind:
        case jsonschema_rs.ValidationErrorKind.Required() as missing:
            return Problem(visit.pointer, f"{level.noun} needs `{missing.property}`")
        case jsonschema_rs.ValidationErrorKind.AdditionalProperties():
            return None
        case jsonschema_rs.ValidationErrorKind.Type() if level.parts:
            return Problem(visit.pointer, f"{_label(visit.key)} must be an object")
        case _:
            return Problem(visit.pointer, f"{_label(visit.key)} must be {level.noun}")


def _hint(key: str, level: Level) -> str:
    close = get_close_matches(key[:40], level.parts, n=1)
    if close:
        return f"; did you mean `{close[0]}`?"
    known = ", ".join(f"`{name}`" for name in level.parts)
    return f"; it may have {known}"


def _label(key: str) -> str:
    if not key:
        return "the document"
    return f"item {key}" if key.isdigit() else f"`{key}`"
