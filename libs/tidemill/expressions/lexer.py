"""Turns the text of an expression into tokens."""

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from tidemill.expressions.errors import ExpressionSyntaxError

Kind: TypeAlias = Literal[
    "field", "name", "keyword", "variable", "format", "number", "string", "symbol", "end"
]

KEYWORDS: Final = frozenset(
    [
        *("def", "if", "then", "elif", "else", "end", "as", "reduce", "foreach", "try", "catch"),
        *("label", "break", "import", "include", "module", "and", "or"),
    ]
)
INTERPOLATION_LEVELS_MAX: Final = 16

_SPACE: Final = re.compile(r"(?:[ \t\r\n]+|#(?:\\(?:\\|\r?\n)|[^\n])*)+")
_NAME: Final = re.compile(r"(?:[a-zA-Z_][a-zA-Z_0-9]*::)*[a-zA-Z_][a-zA-Z_0-9]*")
_FIELD: Final = re.compile(r"\.([a-zA-Z_][a-zA-Z_0-9]*)")
_VARIABLE: Final = re.compile(r"\$((?:[a-zA-Z_][a-zA-Z_0-9]*::)*[a-zA-Z_][a-zA-Z_0-9]*)")
_FORMAT: Final = re.compile(r"@[a-zA-Z0-9_]+")
_NUMBER: Final = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SYMBOL: Final = re.compile(r"\?//=?|//=|[|+\-*/%]=|//|==|!=|<=|>=|\.\.|[-.,:;=|+*/%<>()\[\]{}?$]")
_PLAIN_TEXT: Final = re.compile(r'[^"\\]+')
_UNICODE_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
_ESCAPES: Final = {
    '"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """One token. A string holds its parts: plain text, and the tokens of each interpolation."""

    kind: Kind
    text: str
    position: int
    parts: tuple["str | tuple[Token, ...]", ...] = ()


def tokenize(source: str) -> tuple[Token, ...]:
    """The tokens of a whole expression, closed by an `end` token; raises ExpressionSyntaxError."""
    return _Lexer(source).expression(nested=False)


class _Lexer:
    def __init__(self, source: str) -> None:
        self._source = source
        self._position = 0
        self._levels = 0

    def expression(self, *, nested: bool) -> tuple[Token, ...]:
        """Tokens up to the end of the text, or of the interpolation when nested."""
        tokens: list[Token] = []
        parentheses = 0
        while True:
            token = self._next()
            if token.text == "(" and token.kind == "symbol":
                parentheses += 1
            elif token.text == ")" and token.kind == "symbol":
                parentheses -= 1
                if nested and parentheses < 0:
                    return (*tokens, Token("end", "", token.position))
            tokens.append(token)
            if token.kind == "end":
                if nested:
                    raise ExpressionSyntaxError("an interpolation is not closed", token.position)
                return tuple(tokens)

    def _next(self) -> Token:
        source = self._source
        if space := _SPACE.match(source, self._position):
            self._position = space.end()
        start = self._position
        if start >= len(source):
            return Token("end", "", start)
        if source[start] == '"':
            return self._string(start)
        return self._word(start) or self._take(_SYMBOL, "symbol", start) or self._unknown(start)

    def _word(self, start: int) -> Token | None:
        if name := _NAME.match(self._source, start):
            self._position = name.end()
            return Token("keyword" if name[0] in KEYWORDS else "name", name[0], start)
        for pattern, kind in _WORDS:
            if token := self._take(pattern, kind, start):
                return token
        return None

    def _take(self, pattern: re.Pattern[str], kind: Kind, start: int) -> Token | None:
        found = pattern.match(self._source, start)
        if found is None:
            return None
        self._position = found.end()
        return Token(kind, found[found.re.groups], start)

    def _unknown(self, start: int) -> Token:
        raise ExpressionSyntaxError(f"unexpected character {self._source[start]!r}", start)

    def _string(self, start: int) -> Token:
        parts: list[str | tuple[Token, ...]] = []
        text: list[str] = []
        self._position = start + 1
        while True:
            if self._position >= len(self._source):
                raise ExpressionSyntaxError("a string is not closed", start)
            if self._source[self._position] == '"':
                break
            if self._source.startswith("\\(", self._position):
                parts += ["".join(text), self._interpolation()]
                text = []
            else:
                text.append(self._piece())
        self._position += 1
        return Token("string", "", start, (*parts, "".join(text)))

    def _interpolation(self) -> tuple[Token, ...]:
        self._position += 2
        self._levels += 1
        if self._levels > INTERPOLATION_LEVELS_MAX:
            raise ExpressionSyntaxError("interpolations are nested too deeply", self._position)
        tokens = self.expression(nested=True)
        self._levels -= 1
        return tokens

    def _piece(self) -> str:
        start = self._position
        if plain := _PLAIN_TEXT.match(self._source, start):
            self._position = plain.end()
            return plain[0]
        if self._source.startswith("\\u", start):
            return self._unicode(start)
        escaped = _ESCAPES.get(self._source[start + 1 : start + 2])
        if escaped is None:
            raise ExpressionSyntaxError("a string has an unknown escape", start)
        self._position = start + 2
        return escaped

    def _unicode(self, start: int) -> str:
        unit = self._unicode_unit(start)
        if 0xD800 <= unit < 0xDC00 and self._source.startswith("\\u", self._position):
            after_high = self._position
            low = self._unicode_unit(after_high)
            if 0xDC00 <= low < 0xE000:
                return chr(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00))
            self._position = after_high
        return "\ufffd" if 0xD800 <= unit < 0xE000 else chr(unit)

    def _unicode_unit(self, start: int) -> int:
        found = _UNICODE_ESCAPE.match(self._source, start)
        if found is None:
            raise ExpressionSyntaxError("a unicode escape needs four hexadecimal digits", start)
        self._position = found.end()
        return int(found[1], 16)


_WORDS: Final[tuple[tuple[re.Pattern[str], Kind], ...]] = (
    (_FIELD, "field"),
    (_NUMBER, "number"),
    (_VARIABLE, "variable"),
    (_FORMAT, "format"),
)
