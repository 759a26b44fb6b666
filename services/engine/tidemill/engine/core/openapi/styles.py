"""How the values of parameters are written: the styles of OpenAPI 3, and the collection formats of 2.0."""

from collections.abc import Iterable
from enum import Enum
from typing import Final
from urllib.parse import quote

from tidemill.engine.core.faults import fault
from tidemill.json import Json, dumps
from tidemill.values import value as frozen

# Values of one parameter, and characters of a URI or a header with all that is put into it.
VALUES_MAX: Final = 1_000
TEXT_CHARACTERS_MAX: Final = 65_536
# What a query may hold unescaped and still be read as it was meant.
_RESERVED: Final = "/:?@!$'()*,;"


class In(Enum):
    """Where a parameter goes."""

    PATH = "path"
    QUERY = "query"
    HEADER = "header"
    COOKIE = "cookie"
    FORM = "formData"


class Style(Enum):
    """How arrays and objects are written."""

    SIMPLE = "simple"
    LABEL = "label"
    MATRIX = "matrix"
    FORM = "form"
    DELIMITED = "delimited"
    DEEP_OBJECT = "deepObject"
    # The value as JSON, whatever it is.
    JSON = "json"


@frozen
class Parameter:
    """A parameter of an operation; `delimiter` stands between what is not exploded."""

    name: str
    place: In
    required: bool
    style: Style
    explode: bool
    delimiter: str = ","
    allow_reserved: bool = False


def path_text(parameter: Parameter, value: Json) -> str:
    """What stands in the path, escaped. Raises a validation TaskFaultError."""
    match parameter.style:
        case Style.LABEL:
            text = _list_text(parameter, value, start=".", delimiter="." if parameter.explode else ",")
        case Style.MATRIX:
            text = _matrix(parameter, value)
        case _:
            text = _list_text(parameter, value, start="", delimiter=parameter.delimiter)
    # Dots alone would lead to another path, and so would nothing at all.
    if text in ("", ".", ".."):
        raise fault("validation", f"the parameter `{parameter.name}` cannot be `{text}` in a path")
    return text


def header_text(parameter: Parameter, value: Json) -> str:
    """What stands in a header, which is not escaped. Raises a validation TaskFaultError."""
    if parameter.style is Style.JSON:
        return dumps(value).decode()
    return parameter.delimiter.join(_flat(parameter, value))


def query_text(parameter: Parameter, value: Json) -> str:
    """What the parameter adds to the query, escaped. Raises a validation TaskFaultError."""
    pairs = form_pairs(parameter, value)
    if parameter.explode or parameter.style in (Style.DEEP_OBJECT, Style.JSON):
        return "&".join(f"{_escaped(name)}={_value_text(parameter, text)}" for name, text in pairs)
    escaped = (_value_text(parameter, text) for text in _flat(parameter, value))
    # Between values only the comma may stand as it is.
    delimiter = parameter.delimiter if parameter.delimiter == "," else quote(parameter.delimiter, safe="")
    return f"{_escaped(parameter.name)}={delimiter.join(escaped)}"


def form_pairs(parameter: Parameter, value: Json) -> list[tuple[str, str]]:
    """Names with their texts, as in cookies and forms. Raises a validation TaskFaultError."""
    name = parameter.name
    if parameter.style is Style.JSON:
        return [(name, dumps(value).decode())]
    if parameter.style is Style.DEEP_OBJECT and isinstance(value, dict):
        return [(f"{name}[{key}]", text) for key, text in _members(parameter, value)]
    if parameter.explode and isinstance(value, dict):
        return _members(parameter, value)
    if parameter.explode and isinstance(value, list):
        return [(name, text) for text in _items(parameter, value)]
    return [(name, parameter.delimiter.join(_flat(parameter, value)))]


def _matrix(parameter: Parameter, value: Json) -> str:
    if parameter.explode and isinstance(value, dict):
        return "".join(f";{_escaped(key)}={_escaped(text)}" for key, text in _members(parameter, value))
    if parameter.explode and isinstance(value, list):
        texts = _items(parameter, value)
        return "".join(f";{_escaped(parameter.name)}={_escaped(text)}" for text in texts)
    return f";{_escaped(parameter.name)}=" + ",".join(map(_escaped, _flat(parameter, value)))


def _list_text(parameter: Parameter, value: Json, *, start: str, delimiter: str) -> str:
    if parameter.style is Style.JSON:
        return _escaped(dumps(value).decode())
    if parameter.explode and isinstance(value, dict):
        parts: Iterable[str] = (
            f"{_escaped(key)}={_escaped(text)}" for key, text in _members(parameter, value)
        )
    else:
        parts = map(_escaped, _flat(parameter, value))
    return start + delimiter.join(parts)


def _flat(parameter: Parameter, value: Json) -> list[str]:
    """Scalars in a row: an object gives names and values in turn, or `name=value` where it is exploded."""
    if isinstance(value, dict):
        pairs = _members(parameter, value)
        if parameter.explode:
            return [f"{key}={text}" for key, text in pairs]
        return [part for pair in pairs for part in pair]
    return _items(parameter, value) if isinstance(value, list) else [_scalar(parameter, value)]


def joined(texts: Iterable[str], delimiter: str) -> str:
    """The texts in one, without those that are empty. Raises a validation TaskFaultError for a long one."""
    kept: list[str] = []
    left = TEXT_CHARACTERS_MAX
    for text in filter(None, texts):
        kept.append(text)
        left -= len(text)
        if left < 0:
            raise fault("validation", f"the parameters make more than {TEXT_CHARACTERS_MAX} characters")
    return delimiter.join(kept)


def _members(parameter: Parameter, value: dict[str, Json]) -> list[tuple[str, str]]:
    _refuse_many(parameter, len(value))
    return [(key, _scalar(parameter, item)) for key, item in value.items() if item is not None]


def _items(parameter: Parameter, value: list[Json]) -> list[str]:
    _refuse_many(parameter, len(value))
    return [_scalar(parameter, item) for item in value if item is not None]


def _refuse_many(parameter: Parameter, count: int) -> None:
    if count > VALUES_MAX:
        raise fault("validation", f"the parameter `{parameter.name}` has more than {VALUES_MAX} values")


def _scalar(parameter: Parameter, value: Json) -> str:
    match value:
        case str():
            return value
        case bool() | int() | float():
            return dumps(value).decode()
        case _:
            detail = f"the parameter `{parameter.name}` holds arrays or objects inside others"
            raise fault("validation", f"{detail}, which cannot be written in the {parameter.place.value}")


def _value_text(parameter: Parameter, text: str) -> str:
    return quote(text, safe=_RESERVED) if parameter.allow_reserved else _escaped(text)


def _escaped(text: str) -> str:
    return quote(text, safe="")
