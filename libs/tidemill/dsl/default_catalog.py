"""The catalog `default`: the functions that the Engine runs itself, without a call to the outside."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tidemill.json import Json

DEFAULT_CATALOG: Final = "default"
DEFAULT_FUNCTIONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"waitUntil": ("1.0.0",), "split": ("1.0.0",), "pace": ("1.0.0",)}
)
_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        f"{name}:{version}@{DEFAULT_CATALOG}": name
        for name, versions in DEFAULT_FUNCTIONS.items()
        for version in versions
    }
)


def default_function(call: Json) -> str:
    """The function that the `call` of a task means, such as `pace`; empty for every other call."""
    return _NAMES.get(call, "") if isinstance(call, str) else ""
