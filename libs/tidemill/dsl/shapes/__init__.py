"""The shapes of a definition document, one table: what each place may hold and what stands below it."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import Final

import jsonschema_rs

from tidemill.dsl.shapes import (
    calls,
    engine_functions,
    events,
    policies,
    processes,
    resources,
    tasks,
    values,
    workflow,
)
from tidemill.dsl.shapes.kinds import PROTOCOLS, TASK_KINDS, task_kind
from tidemill.dsl.shapes.shape import Choice, Level, Shape, UndecidedError, compile_level
from tidemill.json import Json

_TABLES: Final = (values.SHAPES, events.SHAPES, resources.SHAPES, workflow.SHAPES, tasks.SHAPES, calls.SHAPES)
# What the language leaves open and we give a meaning.
_OUR_TABLES: Final = (policies.SHAPES, engine_functions.SHAPES)
SHAPES: Final[Mapping[str, Shape]] = MappingProxyType(
    {
        name: replace(shape, name=name)
        for table in (*_TABLES, processes.SHAPES, *_OUR_TABLES)
        for name, shape in table.items()
    }
)


@cache
def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    """The compiled schema of a level, built when it is first met."""
    level = SHAPES[name]
    assert isinstance(level, Level)
    return compile_level(level)


def decide(name: str, value: Json) -> Level:
    """Follow the choices from a shape to the level that the value means. Raises UndecidedError."""
    shape = SHAPES[name]
    while isinstance(shape, Choice):
        shape = SHAPES[shape.choose(value)]
    return shape


__all__ = [
    "PROTOCOLS",
    "SHAPES",
    "TASK_KINDS",
    "Choice",
    "Level",
    "Shape",
    "UndecidedError",
    "decide",
    "task_kind",
    "validator",
]
