"""What a plain YAML scalar means: the core schema of YAML 1.2, where `on` is text and a date is text."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from tidemill.json import Json

_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE: Final = frozenset({"true", "True", "TRUE"})
_FALSE: Final = frozenset({"false", "False", "FALSE"})
_INTEGER: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
# int64 and uint64 have 20 digits, a sign and a prefix; more is out of range however it is written.
_INTEGER_CHARACTERS_MAX: Final = 70


def resolve_plain(text: str) -> Json:
    """The value of an unquoted scalar. Raises ValueError for numbers that JSON cannot hold."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is not a JSON number")
    return text


def _integer(text: str) -> int:
    if len(text) > _INTEGER_CHARACTERS_MAX:
        raise ValueError("the integer is outside the range of int64 and uint64")
    base = {"0o": 8, "0x": 16}.get(text[:2])
    return int(text[2:], base) if base else int(text)


def resolve_tagged(tag: str, text: str) -> Json:
    """The value of a scalar with a tag before it. Raises ValueError for tags outside the core schema."""
    short = tag.removeprefix(_TAG_PREFIX)
    resolver = _TAGGED.get(short)
    if resolver is None:
        raise ValueError(f"the tag `{tag:.80}` is not known; documents hold plain JSON values")
    value = resolver(text)
    if type(value) is not _TAG_TYPES[short]:
        raise ValueError(f"`{text:.40}` does not fit its tag !!{short}")
    return value


def _as_float(text: str) -> Json:
    value = resolve_plain(text)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


_TAG_PREFIX: Final = "tag:yaml.org,2002:"
_TAGGED: Final[Mapping[str, Callable[[str], Json]]] = MappingProxyType(
    {
        "!": str,
        "str": str,
        "int": resolve_plain,
        "bool": resolve_plain,
        "null": resolve_plain,
        "float": _as_float,
    }
)
_TAG_TYPES: Final[Mapping[str, type]] = MappingProxyType(
    {"!": str, "str": str, "int": int, "bool": bool, "null": type(None), "float": float}
)
