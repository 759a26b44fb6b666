"""Reads JSON texts as jq does: as deep, with its words for what is wrong, and where.

Slower than Python's own reader, so that it reads only what that one refuses or could not read as jq would.
"""

import re
from typing import Final

from tidemill.expressions.budget import WALKED_LEVELS_MAX, Budget
from tidemill.expressions.errors import RaisedError
from tidemill.expressions.numbers import parse
from tidemill.json import Json

_TOKENS: Final = re.compile(
    r"""(?P<space>[ \t\r\n]+) | (?P<structure>[\[\]{}:,])
    | (?P<string>"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)) | (?P<literal>[^ \t\r\n\[\]{}:,"]+)""",
    re.DOTALL | re.VERBOSE,
)
_ESCAPE: Final = re.compile(r"\\(?:u(?P<unit>.{0,4})|(?P<letter>.))", re.DOTALL)
_UNIT: Final = re.compile(r"[0-9a-fA-F]{4}")
_PLAIN_ESCAPES: Final = {
    '"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t",
}  # fmt: skip
_CONTROL: Final = re.compile(r"[\x00-\x1f]")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_NO_NUMBER: Final = re.compile(r"[+-]?(?:s?nan|inf|infinity)", re.IGNORECASE)
_WORDS: Final[dict[str, Json]] = {"true": True, "false": False, "null": None}
_NUMBER_CHARACTERS_MAX: Final = 400
_TOKEN_OPERATIONS: Final = 2
_ESCAPE_OPERATIONS: Final = 2
_CALL_OPERATIONS: Final = 20


class _Nothing:
    """No value yet."""


_NOTHING: Final = _Nothing()


class _WrongError(Exception):
    """A text that is no JSON: what is wrong."""


def read_json(text: str, budget: Budget) -> Json:
    """The one value of a JSON text; raises RaisedError with jq's words."""
    budget.spend(_CALL_OPERATIONS)
    reader = _Reader(text.removeprefix("\ufeff"), budget)
    try:
        return reader.whole()
    except _WrongError as error:
        budget.produce(len(text))
        raise RaisedError(f"{error}{reader.place()} (while parsing '{text}')") from None


class _Reader:
    def __init__(self, text: str, budget: Budget) -> None:
        self._text = text
        self._budget = budget
        # Containers that are open, and in each open object the key whose value comes next.
        self._open: list[Json] = []
        self._next: Json | _Nothing = _NOTHING
        self._found: Json | _Nothing = _NOTHING
        self._values = 0
        self._position: int | None = 0

    def place(self) -> str:
        """Where reading stopped, in lines and bytes."""
        if self._position is None:
            return ""
        stop = min(self._position + 1, len(self._text))
        line = self._text[self._text.rfind("\n", 0, stop) + 1 : stop]
        at = " at EOF at line" if self._position >= len(self._text) else " at line"
        column = len(line.encode(errors="replace"))
        return f"{at} {self._text.count(chr(10), 0, stop) + 1}, column {column}"

    def whole(self) -> Json:
        literal = ""
        for token in _TOKENS.finditer(self._text):
            self._budget.spend(_TOKEN_OPERATIONS)
            kind, content = token.lastgroup, token[0]
            if kind == "literal":
                literal = content
                continue
            # What ends a literal is where its error stands.
            self._position = token.start()
            if literal:
                self._value(self._literal(literal))
                literal = ""
            if kind == "structure":
                self._structure(content)
            else:
                self._check_alone()
                if kind == "string":
                    self._string(content, token.end())
            self._finish()
            self._check_alone()
        return self._end(literal)

    def _end(self, literal: str) -> Json:
        self._position = len(self._text)
        if literal:
            self._value(self._literal(literal))
        if self._open:
            raise _WrongError("Unfinished JSON term")
        self._check_alone()
        if isinstance(self._found, _Nothing):
            self._position = None
            raise _WrongError("Expected JSON value")
        return self._found

    def _finish(self) -> None:
        """A value outside all containers is the value of the text, which may have one only."""
        if self._open or isinstance(self._next, _Nothing):
            return
        self._values += 1
        self._found, self._next = self._next, _NOTHING

    def _check_alone(self) -> None:
        if self._values > 1:
            self._position = None
            raise _WrongError("Unexpected extra JSON values")

    def _value(self, value: Json) -> None:
        if not isinstance(self._next, _Nothing):
            raise _WrongError("Expected separator between values")
        self._next = value
        if not self._open:
            self._finish()

    def _literal(self, text: str) -> Json:
        if text[0] == "'":
            raise _WrongError("Invalid string literal; expected \", but got '")
        if text[0] in "tf" or text.startswith("nu"):
            if text not in _WORDS:
                raise _WrongError("Invalid literal")
            return _WORDS[text]
        if _NO_NUMBER.fullmatch(text):
            raise RaisedError("NaN and infinities are not numbers here")
        if not _NUMBER.fullmatch(text):
            raise _WrongError("Invalid numeric literal")
        if len(text) > _NUMBER_CHARACTERS_MAX:
            raise RaisedError("a number has too many digits")
        return parse(text)

    def _string(self, token: str, end: int) -> None:
        if len(token) < 2 or not token.endswith('"') or _ends_escaped(token):
            self._position = len(self._text)
            raise _WrongError("Unfinished string")
        self._position = end - 1
        self._value(self._unescaped(token[1:-1]))

    def _unescaped(self, text: str) -> str:
        if "\\" not in text:
            return _plain(text)
        parts, position, high = [], 0, 0
        for escape in _ESCAPE.finditer(text):
            self._budget.spend(_ESCAPE_OPERATIONS)
            if high and (escape.start() != position or escape["unit"] is None):
                raise _WrongError("Invalid \\uXXXX\\uXXXX surrogate pair escape")
            parts.append(_plain(text[position : escape.start()]))
            position = escape.end()
            if escape["unit"] is None:
                parts.append(_letter(escape["letter"]))
                continue
            character, high = _character(escape["unit"], high)
            parts.append(character)
        if high:
            raise _WrongError("Invalid \\uXXXX\\uXXXX surrogate pair escape")
        return "".join(parts) + _plain(text[position:])

    def _structure(self, character: str) -> None:
        match character:
            case "[" | "{":
                self._enter([] if character == "[" else {})
            case ":":
                self._colon()
            case ",":
                self._comma()
            case _:
                self._leave(character)

    def _enter(self, container: Json) -> None:
        if len(self._open) >= WALKED_LEVELS_MAX:
            raise _WrongError("Exceeds depth limit for parsing")
        if not isinstance(self._next, _Nothing):
            raise _WrongError("Expected separator between values")
        self._open.append(container)

    def _colon(self) -> None:
        if isinstance(self._next, _Nothing):
            raise _WrongError("Expected string key before ':'")
        if not self._open or not isinstance(self._open[-1], dict):
            raise _WrongError("':' not as part of an object")
        if not isinstance(self._next, str):
            raise _WrongError("Object keys must be strings")
        self._open.append(self._next)
        self._next = _NOTHING

    def _comma(self) -> None:
        if isinstance(self._next, _Nothing):
            raise _WrongError("Expected value before ','")
        if not self._open:
            raise _WrongError("',' not as part of an object or array")
        if isinstance(self._open[-1], dict):
            raise _WrongError("Objects must consist of key:value pairs")
        self._store(self._next)

    def _store(self, value: Json) -> None:
        """Put a value into the innermost container."""
        innermost = self._open[-1]
        if isinstance(innermost, list):
            innermost.append(value)
        else:
            key, fields = self._open.pop(), self._open[-1]
            assert isinstance(key, str)
            assert isinstance(fields, dict)
            fields[key] = value
        self._next = _NOTHING

    def _leave(self, bracket: str) -> None:
        innermost = self._open[-1] if self._open else None
        if bracket == "]":
            self._check_array_end(innermost)
        else:
            self._check_object_end(innermost)
        if not isinstance(self._next, _Nothing):
            self._store(self._next)
        self._next = self._open.pop()

    def _check_array_end(self, innermost: Json) -> None:
        if not isinstance(innermost, list):
            raise _WrongError("Unmatched ']'")
        if isinstance(self._next, _Nothing) and innermost:
            raise _WrongError("Expected another array element")

    def _check_object_end(self, innermost: Json) -> None:
        if not self._open:
            raise _WrongError("Unmatched '}'")
        if not isinstance(self._next, _Nothing):
            if not isinstance(innermost, str):
                raise _WrongError("Objects must consist of key:value pairs")
            return
        if not isinstance(innermost, dict):
            raise _WrongError("Unmatched '}'")
        if innermost:
            raise _WrongError("Expected another key-value pair")


def _ends_escaped(token: str) -> bool:
    """True when the last quotation mark is part of an escape."""
    body = token[:-1]
    return (len(body) - len(body.rstrip("\\"))) % 2 == 1


def _plain(text: str) -> str:
    if _CONTROL.search(text):
        raise _WrongError("Invalid string: control characters from U+0000 through U+001F must be escaped")
    return text


def _letter(letter: str) -> str:
    if letter not in _PLAIN_ESCAPES:
        raise _WrongError("Invalid escape")
    return _PLAIN_ESCAPES[letter]


def _character(unit: str, high: int) -> tuple[str, int]:
    """The character of a unicode escape, or the first half of a pair, which comes with the next."""
    if not _UNIT.fullmatch(unit):
        if high:
            raise _WrongError("Invalid \\uXXXX\\uXXXX surrogate pair escape")
        raise _WrongError(f"Invalid {'' if len(unit) < 4 else 'characters in '}\\uXXXX escape")
    code = int(unit, 16)
    if high:
        if not 0xDC00 <= code <= 0xDFFF:
            raise _WrongError("Invalid \\uXXXX\\uXXXX surrogate pair escape")
        return chr(0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00)), 0
    if 0xD800 <= code <= 0xDBFF:
        return "", code
    return "\ufffd" if 0xDC00 <= code <= 0xDFFF else chr(code), 0
