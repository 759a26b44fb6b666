"""Finds authors' functions: by the entry points of installed packages, and in modules of the settings."""

import importlib
import importlib.metadata
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Final

from tidemill.action_kit import FunctionAction

ENTRY_POINT_GROUP: Final = "tidemill.actions"


class ActionModuleError(RuntimeError):
    """A module or entry point that should bring actions cannot be loaded, or brings none."""


def installed_functions() -> list[FunctionAction]:
    """The functions of every entry point; raises ActionModuleError.

    An entry point names a module, whose functions are all taken, or one function.
    """
    found: list[FunctionAction] = []
    for point in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP):
        try:
            loaded: object = point.load()
        except Exception as error:
            raise ActionModuleError(f"the entry point {point.name} = {point.value} fails: {error}") from error
        found.extend(_functions_in(loaded, f"the entry point {point.name}"))
    return found


def functions_of_modules(names: str) -> list[FunctionAction]:
    """The functions of modules named with commas between; raises ActionModuleError."""
    found: list[FunctionAction] = []
    for name in filter(None, map(str.strip, names.split(","))):
        try:
            module = importlib.import_module(name)
        except Exception as error:
            raise ActionModuleError(f"the module {name} cannot be imported: {error}") from error
        found.extend(_functions_in(module, f"the module {name}"))
    return found


def without_repeats(functions: Iterable[FunctionAction]) -> list[FunctionAction]:
    """The same function found twice, by its package and by its module, is one."""
    return list({id(function): function for function in functions}.values())


def _functions_in(loaded: object, where: str) -> list[FunctionAction]:
    found = [loaded] if isinstance(loaded, FunctionAction) else list(_members(loaded))
    if not found:
        raise ActionModuleError(f"{where} has no actions")
    return found


def _members(loaded: object) -> Iterator[FunctionAction]:
    if not isinstance(loaded, ModuleType):
        return
    for value in vars(loaded).values():
        if isinstance(value, FunctionAction):
            yield value
