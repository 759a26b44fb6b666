"""Parses an expression into its syntax tree: jq's grammar, by precedence climbing."""

from typing import Final

from tidemill.expressions import patterns, syntax
from tidemill.expressions.errors import ExpressionSyntaxError
from tidemill.expressions.lexer import Token, tokenize
from tidemill.expressions.numbers import parse_literal
from tidemill.expressions.syntax import Node

SOURCE_CHARACTERS_MAX: Final = 16_384
BRACKET_LEVELS_MAX: Final = 40
TREE_LEVELS_MAX: Final = 64

_ASSIGNMENTS: Final = frozenset(["=", "|=", "+=", "-=", "*=", "/=", "%=", "//="])
_COMPARISONS: Final = frozenset(["==", "!=", "<", "<=", ">", ">="])
_REFUSED_KEYWORDS: Final = frozenset(["import", "include", "module"])
_CONSTANTS: Final = {"null": None, "true": True, "false": False}

# Each operator's binding strength; loosest first.
_STRENGTHS: Final[dict[str, int]] = {
    "//": 1,
    **dict.fromkeys(_ASSIGNMENTS, 2),
    "or": 3,
    "and": 4,
    **dict.fromkeys(_COMPARISONS, 5),
    **dict.fromkeys("+-", 6),
    **dict.fromkeys("*/%", 7),
}
_NOT_ASSOCIATIVE: Final = frozenset([2, 5])


def parse(source: str) -> Node:
    """The syntax tree of an expression; raises ExpressionSyntaxError, also when it is too large."""
    if len(source) > SOURCE_CHARACTERS_MAX:
        raise ExpressionSyntaxError(f"an expression may have {SOURCE_CHARACTERS_MAX} characters")
    tree = _Parser(tokenize(source)).whole()
    if syntax.nesting(tree) > TREE_LEVELS_MAX:
        raise ExpressionSyntaxError(f"an expression may nest {TREE_LEVELS_MAX} levels deep")
    return tree


class _Parser:
    def __init__(self, tokens: tuple[Token, ...], levels: int = 0) -> None:
        self._tokens = tokens
        self._at = 0
        self._levels = levels

    def whole(self) -> Node:
        node = self.query()
        if self._token.kind != "end":
            self._fail(f"unexpected {self._shown()}")
        return node

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _shown(self) -> str:
        token = self._token
        return {"end": "end of the expression", "string": "string"}.get(token.kind, repr(token.text))

    def _fail(self, message: str, token: Token | None = None) -> None:
        raise ExpressionSyntaxError(message, (token or self._token).position)

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
            self._fail(f"expected {text!r} but found {self._shown()}")

    def _expect_kind(self, kind: str) -> Token:
        if self._token.kind != kind:
            self._fail(f"expected a {kind} but found {self._shown()}")
        return self._take()

    def query(self) -> Node:
        """`a, b | c`: everything that may stand between brackets."""
        self._levels += 1
        if self._levels > BRACKET_LEVELS_MAX:
            self._fail(f"brackets may nest {BRACKET_LEVELS_MAX} levels deep")
        stages = [self._commas()]
        while self._accept("|"):
            stages.append(self._commas())
        self._levels -= 1
        return _balanced(stages, syntax.Pipe)

    def _commas(self) -> Node:
        outputs = [self._statement()]
        while self._accept(","):
            outputs.append(self._statement())
        return _balanced(outputs, syntax.Comma)

    def _statement(self) -> Node:
        if self._sees("def"):
            return self._define()
        if self._accept("label"):
            name = self._expect_kind("variable").text
            self._expect("|")
            return syntax.Label(name, self.query())
        source = self._binary(1)
        if self._accept("as"):
            alternatives = self._alternatives()
            self._expect("|")
            return patterns.bind(source, alternatives, self.query())
        return source

    def _define(self) -> Node:
        self._expect("def")
        name = self._expect_kind("name").text
        parameters: list[str] = []
        if self._accept("("):
            parameters.append(self._parameter())
            while self._accept(";"):
                parameters.append(self._parameter())
            self._expect(")")
        self._expect(":")
        body = self.query()
        self._expect(";")
        for parameter in reversed(parameters):
            if parameter.startswith("$"):
                value = syntax.Call(parameter[1:], (), self._token.position)
                body = syntax.Bind(value, parameter[1:], body)
        names = tuple(parameter.removeprefix("$") for parameter in parameters)
        return syntax.Define(name, names, body, self.query())

    def _parameter(self) -> str:
        if self._token.kind == "variable":
            return "$" + self._take().text
        return self._expect_kind("name").text

    def _binary(self, weakest: int) -> Node:
        left = self._postfix()
        while True:
            operator = self._token.text if self._token.kind in ("symbol", "keyword") else ""
            strength = _STRENGTHS.get(operator, 0)
            if strength < weakest:
                return left
            self._take()
            right = self._binary(strength if operator == "//" else strength + 1)
            left = _operation(operator, left, right)
            if strength in _NOT_ASSOCIATIVE and _STRENGTHS.get(self._token.text) == strength:
                self._fail(f"{self._token.text!r} needs parentheses here")

    def _postfix(self) -> Node:
        if self._accept("-"):
            operand = self._postfix()
            if isinstance(operand, syntax.Literal) and type(operand.value) in (int, float):
                return syntax.Literal(-operand.value)  # type: ignore[operator]
            return syntax.Negate(operand)
        node = self._term()
        while True:
            if self._token.kind == "field":
                node = syntax.Index(node, syntax.Literal(self._take().text))
            elif self._sees("."):
                node = self._after_dot(node)
            elif self._accept("["):
                node = self._bracket(node)
            elif self._accept("?"):
                node = syntax.Try(node, None)
            else:
                return node

    def _after_dot(self, node: Node) -> Node:
        self._expect(".")
        if self._token.kind == "string":
            return syntax.Index(node, self._string("text"))
        self._expect("[")
        return self._bracket(node)

    def _bracket(self, target: Node) -> Node:
        if self._accept("]"):
            return syntax.Iterate(target)
        start = None if self._sees(":") else self.query()
        if not self._accept(":"):
            assert start is not None
            self._expect("]")
            return syntax.Index(target, start)
        stop = None if start is not None and self._sees("]") else self.query()
        self._expect("]")
        return syntax.Slice(target, start, stop)

    def _term(self) -> Node:
        token = self._token
        match token.kind:
            case "field":
                return syntax.Identity()
            case "number":
                self._take()
                return syntax.Literal(parse_literal(token.text, token.position))
            case "string":
                return self._string("text")
            case "format":
                return self._format()
            case "variable":
                self._take()
                return syntax.Variable(token.text, token.position)
            case "name":
                return self._call()
            case "keyword":
                return self._keyword()
            case "symbol":
                return self._symbol()
        self._fail(f"unexpected {self._shown()}")
        raise AssertionError

    def _symbol(self) -> Node:
        token = self._take()
        match token.text:
            case ".":
                if self._token.kind == "string":
                    return syntax.Index(syntax.Identity(), self._string("text"))
                return syntax.Identity()
            case "..":
                return syntax.Call("recurse", (), token.position)
            case "(":
                return self._closed_by(")")
            case "[":
                if self._accept("]"):
                    return syntax.Literal([])
                return syntax.Array(self._closed_by("]"))
            case "{":
                return self._object()
        self._fail(f"unexpected {token.text!r}", token)
        raise AssertionError

    def _closed_by(self, bracket: str) -> Node:
        node = self.query()
        self._expect(bracket)
        return node

    def _keyword(self) -> Node:
        token = self._take()
        match token.text:
            case "if":
                return self._if()
            case "try":
                body = self._postfix()
                return syntax.Try(body, self._postfix() if self._accept("catch") else None)
            case "reduce":
                return self._reduce()
            case "foreach":
                return self._foreach()
            case "break":
                return syntax.Break(self._expect_kind("variable").text, token.position)
        if token.text in _REFUSED_KEYWORDS:
            self._fail(f"{token.text!r} is refused: an expression stands alone", token)
        self._fail(f"unexpected {token.text!r}", token)
        raise AssertionError

    def _if(self) -> Node:
        condition = self.query()
        self._expect("then")
        consequence = self.query()
        if self._accept("elif"):
            return syntax.If(condition, consequence, self._if())
        otherwise = self.query() if self._accept("else") else syntax.Identity()
        self._expect("end")
        return syntax.If(condition, consequence, otherwise)

    def _reduce(self) -> Node:
        source, name, wrap = self._loop_source()
        self._expect("(")
        start = self.query()
        self._expect(";")
        update = self._closed_by(")")
        return syntax.Reduce(source, name, start, wrap(update))

    def _foreach(self) -> Node:
        source, name, wrap = self._loop_source()
        self._expect("(")
        start = self.query()
        self._expect(";")
        update = self.query()
        extract = self.query() if self._accept(";") else syntax.Identity()
        self._expect(")")
        return syntax.Foreach(source, name, start, wrap(update), wrap(extract))

    def _loop_source(self) -> tuple[Node, str, "patterns.Wrap"]:
        source = self._binary(1)
        self._expect("as")
        return patterns.loop(source, self._alternatives())

    def _format(self) -> Node:
        token = self._take()
        if self._token.kind == "string":
            return self._string(token.text[1:])
        return syntax.Call("format", (syntax.Literal(token.text[1:]),), token.position)

    def _string(self, text_format: str) -> Node:
        token = self._expect_kind("string")
        if len(token.parts) == 1 and isinstance(token.parts[0], str):
            return syntax.Literal(token.parts[0])
        parts = (
            part if isinstance(part, str) else _Parser(part, self._levels).whole() for part in token.parts
        )
        return syntax.Text(text_format, tuple(part for part in parts if part != ""))

    def _call(self) -> Node:
        token = self._take()
        if token.text in _CONSTANTS:
            return syntax.Literal(_CONSTANTS[token.text])
        arguments: list[Node] = []
        if self._accept("("):
            arguments.append(self.query())
            while self._accept(";"):
                arguments.append(self.query())
            self._expect(")")
        return syntax.Call(token.text, tuple(arguments), token.position)

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
            self._fail(f"expected ':' but found {self._shown()}")
            raise AssertionError
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
        self._expect("(")
        key = self._closed_by(")")
        if isinstance(key, syntax.Literal) and not isinstance(key.value, str):
            self._fail("an object key must be a string", token)
        return key, None

    def _entry_value(self) -> Node:
        stages = [self._binary(1)]
        while self._accept("|"):
            stages.append(self._binary(1))
        return _balanced(stages, syntax.Pipe)

    def _alternatives(self) -> list[patterns.Pattern]:
        found = [self._pattern()]
        while self._accept("?//"):
            found.append(self._pattern())
        return found

    def _pattern(self) -> patterns.Pattern:
        self._levels += 1
        if self._levels > BRACKET_LEVELS_MAX:
            self._fail(f"brackets may nest {BRACKET_LEVELS_MAX} levels deep")
        pattern = self._open_pattern()
        self._levels -= 1
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


def _balanced(parts: list[Node], join: type[syntax.Pipe] | type[syntax.Comma]) -> Node:
    # Both operators are associative, and a shallow tree lets a program have many parts.
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return join(_balanced(parts[:middle], join), _balanced(parts[middle:], join))


def _operation(operator: str, left: Node, right: Node) -> Node:
    if operator == "//":
        return syntax.Alternative(left, right)
    if operator in ("and", "or"):
        return syntax.Logical(operator, left, right)
    if operator not in _ASSIGNMENTS:
        return syntax.Binary(operator, left, right)
    if operator == "|=":
        return syntax.Call("~modify", (left, right), 0)
    kept = patterns.HIDDEN
    value = syntax.Variable(kept, 0)
    if operator == "=":
        return syntax.Bind(right, kept, syntax.Call("~assign", (left, value), 0))
    update = _operation(operator[:-1], syntax.Identity(), value)
    return syntax.Bind(right, kept, syntax.Call("~modify", (left, update), 0))
