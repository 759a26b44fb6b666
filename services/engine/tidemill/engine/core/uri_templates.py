"""URI templates with simple string expansion (RFC 6570, level 1), on the top level of a task's input."""

import re
from typing import Final
from urllib.parse import quote

from tidemill.engine.core.faults import fault
from tidemill.json import Json, dumps

_VARIABLE: Final = re.compile(r"\{([^{}]*)\}")


class UriTemplate:
    """A URI in which `{name}` stands for a member of the data; what is missing or null gives nothing."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    @property
    def constant(self) -> bool:
        """Whether no variable stands in it."""
        return _VARIABLE.search(self._text) is None

    def expand(self, data: Json) -> str:
        """The URI; raises an expression TaskFaultError for a member that is an object or an array."""
        values = data if isinstance(data, dict) else {}
        return _VARIABLE.sub(lambda match: _expansion(match[1], values.get(match[1])), self._text)


def _expansion(name: str, value: Json) -> str:
    match value:
        case None:
            return ""
        case str():
            return quote(value, safe="")
        case bool() | int() | float():
            return quote(dumps(value).decode(), safe="")
        case _:
            raise fault("expression", f"{{{name}}} in a URI must be text, a number, or true or false")
