"""Walks over the tokens of an expression."""

from tidemill.expressions.errors import ExpressionSyntaxError
from tidemill.expressions.lexer import Token


class Cursor:
    """A place in a sequence of tokens that ends with an `end` token."""

    def __init__(self, tokens: tuple[Token, ...]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _shown(self) -> str:
        token = self._token
        return {"end": "end of the expression", "string": "string"}.get(token.kind, repr(token.text))

    def _error(self, message: str, token: Token | None = None) -> ExpressionSyntaxError:
        return ExpressionSyntaxError(message, (token or self._token).position)

    def _take(self) -> Token:
        token = self._token
        if token.kind != "end":
            self._at += 1
        return token

    def _sees(self, text: str) -> bool:
        token = self._token
        return token.text == text and token.kind in ("symbol", "keyword")

    def _accept(self, text: str) -> bool:
        if self._sees(text):
            self._at += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise self._error(f"expected {text!r} but found {self._shown()}")

    def _expect_kind(self, kind: str) -> Token:
        if self._token.kind != kind:
            raise self._error(f"expected a {kind} but found {self._shown()}")
        return self._take()
