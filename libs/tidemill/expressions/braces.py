"""Parses what stands in braces: objects and the patterns of destructuring."""

from abc import ABC, abstractmethod
from typing import Final

from tidemill.expressions import patterns, syntax
from tidemill.expressions.cursor import Cursor
from tidemill.expressions.desugar import balanced
from tidemill.expressions.lexer import Token
from tidemill.expressions.syntax import Node

BRACKET_LEVELS_MAX: Final = 40


class BraceParser(Cursor, ABC):
    """The part of the parser that reads objects and patterns, and counts how deep brackets nest."""

    def __init__(self, tokens: tuple[Token, ...], levels: int = 0) -> None:
        super().__init__(tokens)
        self._levels = levels

    @abstractmethod
    def query(self) -> Node:
        """Everything that may stand between brackets."""

    @abstractmethod
    def _operation(self) -> Node:
        """An expression without pipe and comma."""

    @abstractmethod
    def _string(self, text_format: str) -> Node:
        """A string, with a format for what is interpolated."""

    @abstractmethod
    def _closed_by(self, bracket: str) -> Node:
        """A query and its closing bracket."""

    def _descend(self) -> None:
        self._levels += 1
        if self._levels > BRACKET_LEVELS_MAX:
            raise self._error(f"brackets may nest {BRACKET_LEVELS_MAX} levels deep")

    def _ascend(self) -> None:
        self._levels -= 1

    def _object(self) -> Node:
        entries: list[tuple[Node, Node]] = []
        if not self._sees("}"):
            entries.append(self._entry())
            while self._accept(","):
                entries.append(self._entry())
        self._expect("}")
        return syntax.Object(tuple(entries)) if entries else syntax.Literal({})

    def _entry(self) -> tuple[Node, Node]:
        token = self._token
        key, shorthand = self._key()
        if self._accept(":"):
            return key, self._entry_value()
        if shorthand is None:
            raise self._error(f"expected ':' but found {self._shown()}")
        if token.kind == "variable":
            return syntax.Literal(token.text), shorthand
        return key, shorthand

    def _key(self) -> tuple[Node, Node | None]:
        """A key, and what it stands for when no value follows."""
        token = self._token
        match token.kind:
            case "name" | "keyword":
                self._take()
                key: Node = syntax.Literal(token.text)
                return key, syntax.Index(syntax.Identity(), key)
            case "variable":
                self._take()
                variable = syntax.Variable(token.text, token.position)
                return variable, variable
            case "string":
                key = self._string("text")
                return key, syntax.Index(syntax.Identity(), key)
            case "format":
                self._take()
                key = self._string(token.text[1:])
                return key, syntax.Index(syntax.Identity(), key)
            case _:
                return self._computed_key(), None

    def _computed_key(self) -> Node:
        token = self._token
        self._expect("(")
        key = self._closed_by(")")
        if not isinstance(key, syntax.Comma) and _is_constant(key) and not _is_text(key):
            raise self._error("an object key must be a string", token)
        return key

    def _entry_value(self) -> Node:
        stages = [self._operation()]
        while self._accept("|"):
            stages.append(self._operation())
        return balanced(stages, syntax.Pipe)

    def _alternatives(self) -> list[patterns.Pattern]:
        found = [self._pattern()]
        while self._accept("?//"):
            found.append(self._pattern())
        return found

    def _pattern(self) -> patterns.Pattern:
        self._descend()
        pattern = self._open_pattern()
        self._ascend()
        return pattern

    def _open_pattern(self) -> patterns.Pattern:
        if self._accept("["):
            items = [self._pattern()]
            while self._accept(","):
                items.append(self._pattern())
            self._expect("]")
            return patterns.ArrayPattern(tuple(items))
        if self._accept("{"):
            entries = [self._pattern_entry()]
            while self._accept(","):
                entries.append(self._pattern_entry())
            self._expect("}")
            return patterns.ObjectPattern(tuple(entries))
        return patterns.VariablePattern(self._expect_kind("variable").text)

    def _pattern_entry(self) -> patterns.Entry:
        token = self._token
        if token.kind == "variable":
            self._take()
            inner = self._pattern() if self._accept(":") else None
            return patterns.Entry(syntax.Literal(token.text), token.text, inner)
        key, _ = self._key()
        self._expect(":")
        return patterns.Entry(key, None, self._pattern())


def _is_text(node: Node) -> bool:
    return isinstance(node, syntax.Literal) and isinstance(node.value, str)


def _is_constant(node: Node) -> bool:
    match node:
        case syntax.Literal():
            return True
        case syntax.Array():
            return _is_constant(node.body)
        case syntax.Comma():
            return _is_constant(node.left) and _is_constant(node.right)
        case syntax.Object():
            return all(_is_constant(part) for entry in node.entries for part in entry)
        case _:
            return False
