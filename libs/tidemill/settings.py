"""Settings out of the environment: a frozen dataclass whose fields are variables with a prefix."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from tidemill.errors import InvalidRequestError

T = TypeVar("T")
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})


def from_environment(settings: type[T], prefix: str, environment: Mapping[str, str]) -> T:
    """Build `settings`, a dataclass, from variables named `PREFIX_FIELD`; the others keep their defaults.

    Raises InvalidRequestError that names the variable: for a value that does not fit the field's type, and
    where no field has the name, since a mistyped setting must not be passed over in silence.
    """
    names = {f"{prefix}_{field.name}".upper(): field.name for field in dataclasses.fields(settings)}  # type: ignore[arg-type]
    hints = get_type_hints(settings)
    values: dict[str, Any] = {}
    for variable, text in environment.items():
        if not variable.startswith(f"{prefix}_"):
            continue
        if variable not in names:
            raise InvalidRequestError(
                variable, f"{variable} is not a setting; there are {', '.join(sorted(names))}"
            )
        values[names[variable]] = _parse(variable, text, hints[names[variable]])
    return settings(**values)


def _parse(variable: str, text: str, kind: type) -> object:
    try:
        if kind is bool:
            return _parse_bool(text)
        if kind in (int, float, str, Path):
            return kind(text)
    except ValueError:
        raise InvalidRequestError(variable, f"{variable}={text!r} is not a valid {kind.__name__}") from None
    raise TypeError(f"no setting can have the type {kind}")


def _parse_bool(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(text)
