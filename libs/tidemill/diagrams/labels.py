"""Writes any text as a label that Mermaid shows as it stands."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tidemill.diagrams.words import one_line

_BREAK: Final = "<br/>"
_NAMED: Final[Mapping[str, str]] = MappingProxyType({'"': "quot", "<": "lt", ">": "gt", "&": "amp"})
# What would end a label or a link, begin an entity, a comment or a formula, or be taken for Markdown: an
# underscore inside a word is not, a list begins with a number or a dash. Mermaid cuts entities off a line
# with the words `style` or `classDef` in it.
_MEANINGFUL: Final = re.compile(
    r"""["<>&#%|\\`*~]|\$(?=\$)|(?<![^\W_])_|_(?![^\W_])|^[-+]|^\d(?=\d*[.)])|s(?=tyle)|c(?=lassDef)"""
)


def quoted(*lines: str) -> str:
    """A quoted label of the lines that are not empty."""
    return f'"{_BREAK.join(_escaped(one_line(line)) for line in lines if line)}"'


def _escaped(line: str) -> str:
    return _MEANINGFUL.sub(_entity, line)


def _entity(match: re.Match[str]) -> str:
    return f"#{_NAMED.get(match[0], ord(match[0]))};"
