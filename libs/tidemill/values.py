"""The decorator of values: commands, events, effects, rows."""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

_Class = TypeVar("_Class")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[_Class]) -> type[_Class]:
    """Make a slotted dataclass that nobody may change: the type checker sees to that.

    A dataclass that is frozen at run time too takes some five times as long to make, which was most of the
    cost of a step.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def named_value(cls: type[_Class]) -> type[_Class]:
    """The same, with members that are given by name."""
    return dataclass(slots=True, unsafe_hash=True, kw_only=True)(cls)
