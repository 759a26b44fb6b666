"""Builtins on strings."""

from collections.abc import Callable
from typing import Final

from tidemill.expressions.budget import Run
from tidemill.expressions.operators import SLOT_BYTES, split_text
from tidemill.expressions.values import described, raised, spend_reading
from tidemill.json import Json

_SPACE: Final = (
    " \t\n\v\f\r\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_UNICODE_MAX: Final = 0x10FFFF
_UPPER_TO_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_LOWER_TO_UPPER: Final = {code + 32: code for code in _UPPER_TO_LOWER}
# One operation is charged for so many characters of plain copying.
_CHARACTERS_PER_OPERATION: Final = 32


def _charge(run: Run, text: str) -> None:
    run.budget.spend(1 + len(text) // _CHARACTERS_PER_OPERATION)
    run.budget.produce(len(text))


def explode(run: Run, value: Json) -> Json:
    """The code points of a string."""
    if not isinstance(value, str):
        raise raised("explode input must be a string")
    run.budget.spend(len(value))
    run.budget.produce(SLOT_BYTES * len(value))
    return [ord(character) for character in value]


def implode(run: Run, value: Json) -> Json:
    """The string of code points; what is no character becomes U+FFFD."""
    if not isinstance(value, list):
        raise raised("implode input must be an array")
    run.budget.spend(2 * len(value))
    run.budget.produce(4 * len(value))
    return "".join(_character(code) for code in value)


def _character(code: Json) -> str:
    if isinstance(code, bool) or not isinstance(code, int | float):
        raise raised(f"{described(code)} can't be imploded, unicode codepoint needs to be numeric")
    number = int(code)
    if not 0 <= number <= _UNICODE_MAX or 0xD800 <= number <= 0xDFFF:
        return "\ufffd"
    return chr(number)


def ascii_character(run: Run, value: Json) -> Json:
    """The character of one code point."""
    return _character(value)


def startswith(run: Run, value: Json, start: Json) -> Json:
    """True when the string begins so."""
    if not isinstance(value, str) or not isinstance(start, str):
        raise raised("startswith() requires string inputs")
    spend_reading(start, run.budget)
    return value.startswith(start)


def endswith(run: Run, value: Json, end: Json) -> Json:
    """True when the string ends so."""
    if not isinstance(value, str) or not isinstance(end, str):
        raise raised("endswith() requires string inputs")
    spend_reading(end, run.budget)
    return value.endswith(end)


def ltrimstr(run: Run, value: Json, start: Json) -> Json:
    """The string without a prefix."""
    if not startswith(run, value, start):
        return value
    assert isinstance(value, str)
    assert isinstance(start, str)
    _charge(run, value)
    return value[len(start) :]


def rtrimstr(run: Run, value: Json, end: Json) -> Json:
    """The string without a suffix."""
    if not endswith(run, value, end):
        return value
    assert isinstance(value, str)
    assert isinstance(end, str)
    _charge(run, value)
    return value[: len(value) - len(end)]


def trimstr(run: Run, value: Json, edge: Json) -> Json:
    """The string without a prefix and without a suffix."""
    return rtrimstr(run, ltrimstr(run, value, edge), edge)


def _trimmed(strip: Callable[[str, str], str]) -> Callable[[Run, Json], Json]:
    def trim(run: Run, value: Json) -> Json:
        if not isinstance(value, str):
            raise raised("trim input must be a string")
        _charge(run, value)
        return strip(value, _SPACE)

    return trim


def split(run: Run, value: Json, separator: Json) -> Json:
    """The parts of a string between separators."""
    if not isinstance(value, str) or not isinstance(separator, str):
        raise raised("split input and separator must be strings")
    return split_text(value, separator, run.budget)


def _translated(table: dict[int, int]) -> Callable[[Run, Json], Json]:
    def translate(run: Run, value: Json) -> Json:
        if not isinstance(value, str):
            raise raised("explode input must be a string")
        run.budget.spend(len(value) // 8)
        _charge(run, value)
        return value.translate(table)

    return translate


def utf8bytelength(run: Run, value: Json) -> Json:
    """How many bytes a string has in UTF-8."""
    if not isinstance(value, str):
        raise raised(f"{described(value)} only strings have UTF-8 byte length")
    _charge(run, value)
    return len(value.encode(errors="replace"))


FUNCTIONS: Final[dict[str, Callable[..., Json]]] = {
    "explode/0": explode,
    "implode/0": implode,
    "ascii/0": ascii_character,
    "startswith/1": startswith,
    "endswith/1": endswith,
    "ltrimstr/1": ltrimstr,
    "rtrimstr/1": rtrimstr,
    "trimstr/1": trimstr,
    "trim/0": _trimmed(str.strip),
    "ltrim/0": _trimmed(str.lstrip),
    "rtrim/0": _trimmed(str.rstrip),
    "split/1": split,
    "ascii_downcase/0": _translated(_UPPER_TO_LOWER),
    "ascii_upcase/0": _translated(_LOWER_TO_UPPER),
    "utf8bytelength/0": utf8bytelength,
}
