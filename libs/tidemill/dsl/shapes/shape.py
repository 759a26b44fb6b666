"""The words that shapes are written in: each one level of a document, as a JSON Schema and what stands below.

A level knows only its own members; its `parts` name the shapes of their values. So each refusal concerns one
place and one kind of thing, and no sentence has to speak of alternatives that the author did not mean.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import jsonschema_rs

from tidemill.json import Json

ANY: Final = "any"


@dataclass(frozen=True, slots=True)
class Level:
    """One object, array or scalar: its name in sentences, its schema, and the shapes of its members."""

    name: str
    noun: str
    schema: Mapping[str, Json]
    parts: Mapping[str, str] = field(default_factory=dict)
    each: str = ""
    # Unknown members are passed over with a warning, where the language lets them through.
    lenient: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """A place where several shapes may stand: `choose` names the one that the author means, by the value."""

    name: str
    choose: Callable[[Json], str]


Shape = Level | Choice


class UndecidedError(Exception):
    """The value does not say which shape it means; the message is the sentence for the author."""


def record(
    noun: str,
    parts: Mapping[str, str],
    *,
    required: tuple[str, ...] = (),
    lenient: bool = False,
    **more: Json,
) -> Level:
    """An object with named members; `more` adds keywords of JSON Schema."""
    schema: dict[str, Json] = {"type": "object", "required": list(required), **more}
    if not lenient:
        schema |= {"properties": dict.fromkeys(parts, True), "additionalProperties": False}
    return Level("", noun, schema, parts, lenient=lenient)


def mapping(noun: str, each: str, **more: Json) -> Level:
    """An object whose members are named by the author."""
    return Level("", noun, {"type": "object", **more}, each=each)


def listing(noun: str, each: str, **more: Json) -> Level:
    """An array of one shape."""
    return Level("", noun, {"type": "array", **more}, each=each)


def scalar(noun: str, **schema: Json) -> Level:
    """A value without members."""
    return Level("", noun, schema)


def text(noun: str, **more: Json) -> Level:
    """A string."""
    return scalar(noun, type="string", **more)


def one_of(noun: str, *values: str) -> Level:
    """One of a few words."""
    words = ", ".join(f"`{value}`" for value in values)
    return scalar(f"{noun}: {words}", enum=list(values))


def by_type(name: str, **shapes: str) -> Choice:
    """Choose by JSON type: `object`, `array`, `string`, and `other` for the rest."""

    def choose(value: Json) -> str:
        kind = "object" if isinstance(value, dict) else "array" if isinstance(value, list) else "other"
        kind = "string" if isinstance(value, str) else kind
        return shapes.get(kind) or shapes["other"]

    return Choice(name, choose)


def by_member(name: str, noun: str, shapes: Mapping[str, str]) -> Choice:
    """Choose by the one member that names the alternative, as `basic` or `bearer` does."""
    words = ", ".join(f"`{member}`" for member in shapes)

    def choose(value: Json) -> str:
        if not isinstance(value, dict):
            raise UndecidedError(f"must be {noun} with one of {words}")
        present = [member for member in shapes if member in value]
        if len(present) != 1:
            found = " and ".join(f"`{member}`" for member in present) or "none"
            raise UndecidedError(f"needs exactly one of {words}, and has {found}")
        return shapes[present[0]]

    return Choice(name, choose)


def compile_level(level: Level) -> jsonschema_rs.Draft202012Validator:
    """Build the validator of one level; its patterns run in linear time."""
    return jsonschema_rs.Draft202012Validator(
        dict(level.schema), validate_formats=True, pattern_options=jsonschema_rs.RegexOptions()
    )
