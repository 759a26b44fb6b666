"""`@name` formats, and strings with interpolations."""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias
from urllib.parse import quote

from tidemill.expressions.budget import Run
from tidemill.expressions.functions.conversions import tojson, tostring
from tidemill.expressions.values import described, raised
from tidemill.json import Json

Format: TypeAlias = Callable[[Run, Json], str]

_HTML: Final = str.maketrans({"<": "&lt;", ">": "&gt;", "&": "&amp;", "'": "&apos;", '"': "&quot;"})
_TSV: Final = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r", "\\": "\\\\"})
_NOT_BASE64: Final = re.compile(r"[^A-Za-z0-9+/]")
_ESCAPED_BYTE: Final = re.compile(rb"%([0-9a-fA-F]{2})?")


# For the formats that look at each character, or at each byte, one by one.
_SLOW_CHARACTERS_PER_OPERATION: Final = 4


def _charge(run: Run, text: str) -> str:
    run.budget.spend(1 + len(text) // 16)
    run.budget.produce(4 * len(text))
    return text


def _text(run: Run, value: Json) -> str:
    return _charge(run, tostring(run, value))


def _slow_text(run: Run, value: Json) -> str:
    text = _text(run, value)
    run.budget.spend(len(text) // _SLOW_CHARACTERS_PER_OPERATION)
    return text


def _slow_bytes(run: Run, value: Json) -> bytes:
    encoded = _text(run, value).encode(errors="replace")
    run.budget.spend(len(encoded) // _SLOW_CHARACTERS_PER_OPERATION)
    return encoded


def _json(run: Run, value: Json) -> str:
    text = tojson(run, value)
    assert isinstance(text, str)
    return text


def _row(value: Json, name: str) -> list[Json]:
    if not isinstance(value, list):
        raise raised(f"{described(value)} cannot be {name}-formatted, only array")
    return value


def _csv(run: Run, value: Json) -> str:
    return ",".join(_cell(run, cell, "csv", _quoted_cell) for cell in _row(value, "csv"))


def _tsv(run: Run, value: Json) -> str:
    return "\t".join(
        _cell(run, cell, "tsv", lambda text: text.translate(_TSV)) for cell in _row(value, "tsv")
    )


def _quoted_cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _cell(run: Run, cell: Json, name: str, shape: Callable[[str], str]) -> str:
    run.budget.spend(5)
    if cell is None:
        return ""
    if isinstance(cell, str):
        return shape(_charge(run, cell))
    if isinstance(cell, list | dict):
        raise raised(f"{described(cell)} is not valid in a {name} row")
    return tostring(run, cell)


def _html(run: Run, value: Json) -> str:
    return _slow_text(run, value).translate(_HTML)


def _uri(run: Run, value: Json) -> str:
    return quote(_slow_bytes(run, value), safe="-_.~")


def _urid(run: Run, value: Json) -> str:
    text = _slow_text(run, value)
    encoded = text.encode(errors="replace")
    try:
        return _ESCAPED_BYTE.sub(_unescaped, encoded).decode()
    except (UnicodeDecodeError, TypeError):
        raise raised(f"{described(text)} is not a valid uri encoding") from None


def _unescaped(found: re.Match[bytes]) -> bytes:
    return bytes([int(found[1], 16)])


def _sh(run: Run, value: Json) -> str:
    return " ".join(_shell_word(run, word) for word in (value if isinstance(value, list) else [value]))


def _shell_word(run: Run, word: Json) -> str:
    run.budget.spend(5)
    if isinstance(word, list | dict):
        raise raised(f"{described(word)} can not be escaped for shell")
    if isinstance(word, str):
        return "'" + _charge(run, word).replace("'", "'\\''") + "'"
    return tostring(run, word)


def _base64(run: Run, value: Json) -> str:
    return base64.b64encode(_text(run, value).encode(errors="replace")).decode()


def _base64d(run: Run, value: Json) -> str:
    text = _text(run, value)
    digits = text.rstrip("=")
    if _NOT_BASE64.search(digits):
        raise raised(f"{described(text)} is not valid base64 data")
    if len(digits) % 4 == 1:
        raise raised(f"{described(text)} trailing base64 byte found")
    return base64.b64decode(digits + "=" * (-len(digits) % 4)).decode(errors="replace")


def _base32(run: Run, value: Json) -> str:
    return base64.b32encode(_slow_bytes(run, value)).decode()


def _base32d(run: Run, value: Json) -> str:
    text = _slow_text(run, value)
    digits = text.rstrip("=")
    try:
        return base64.b32decode(digits + "=" * (-len(digits) % 8)).decode(errors="replace")
    except (binascii.Error, ValueError):
        raise raised(f"{described(text)} is not valid base32 data") from None


_FORMATS: Final[dict[str, Format]] = {
    "text": _text,
    "json": _json,
    "csv": _csv,
    "tsv": _tsv,
    "html": _html,
    "uri": _uri,
    "urid": _urid,
    "sh": _sh,
    "base64": _base64,
    "base64d": _base64d,
    "base32": _base32,
    "base32d": _base32d,
}


def formatter(name: str) -> Format:
    """The format `@name`; an unknown one fails when it runs, as in jq."""
    return _FORMATS.get(name) or _unknown(name)


def _unknown(name: str) -> Format:
    def fail(run: Run, value: Json) -> str:
        raise raised(f"{name} is not a valid format")

    return fail


def apply_format(run: Run, value: Json, name: Json) -> Json:
    """`format(name)`"""
    if not isinstance(name, str):
        raise raised(f"{described(name)} is not a valid format")
    return formatter(name)(run, value)


def join_text(parts: Sequence[object], fill: Format) -> Callable[..., Json]:
    """Puts a string together of its literal parts and of the values for the others."""

    def combine(run: Run, _: Json, *found: Json) -> Json:
        values = iter(found)
        texts = [part if isinstance(part, str) else fill(run, next(values)) for part in parts]
        run.budget.produce(sum(map(len, texts)))
        return "".join(texts)

    return combine


FUNCTIONS: Final[dict[str, Callable[..., Json]]] = {"format/1": apply_format}
