"""Parses an expression into its syntax tree: jq's grammar, by precedence climbing."""

from typing import Final

from tidemill.expressions import patterns, syntax
from tidemill.expressions.braces import BraceParser
from tidemill.expressions.desugar import ASSIGNMENTS, Access, balanced, operation, optional
from tidemill.expressions.errors import ExpressionSyntaxError
from tidemill.expressions.lexer import tokenize
from tidemill.expressions.numbers import checked_literal, parse_literal
from tidemill.expressions.syntax import Node
from tidemill.expressions.values import is_number

SOURCE_CHARACTERS_MAX: Final = 16_384
TREE_LEVELS_MAX: Final = 64
# Reached only by `?//`, which stands for its body once for each alternative.
TREE_NODES_MAX: Final = 20_000

_COMPARISONS: Final = frozenset(["==", "!=", "<", "<=", ">", ">="])
_CONSTANTS: Final = {"null": None, "true": True, "false": False}

# Each operator's binding strength; loosest first.
_STRENGTHS: Final[dict[str, int]] = {
    "//": 1,
    **dict.fromkeys(ASSIGNMENTS, 2),
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
    nodes, levels = syntax.size(tree, TREE_NODES_MAX)
    if nodes > TREE_NODES_MAX:
        raise ExpressionSyntaxError("an expression has too many parts")
    if levels > TREE_LEVELS_MAX:
        raise ExpressionSyntaxError(f"an expression may nest {TREE_LEVELS_MAX} levels deep")
    return tree


class _Parser(BraceParser):
    def whole(self) -> Node:
        node = self.query()
        if self._token.kind != "end":
            raise self._error(f"unexpected {self._shown()}")
        return node

    def query(self) -> Node:
        """`a, b | c`: everything that may stand between brackets."""
        self._descend()
        stages = [self._commas()]
        while self._accept("|"):
            stages.append(self._commas())
        self._ascend()
        return balanced(stages, syntax.Pipe)

    def _commas(self) -> Node:
        outputs = [self._statement()]
        while self._accept(","):
            outputs.append(self._statement())
        return balanced(outputs, syntax.Comma)

    def _statement(self) -> Node:
        if self._sees("def"):
            return self._define()
        if self._accept("label"):
            name = self._expect_kind("variable").text
            self._expect("|")
            return syntax.Label(name, self.query())
        source = self._operation()
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

    def _operation(self) -> Node:
        return self._binary(1)

    def _binary(self, weakest: int) -> Node:
        left = self._postfix()
        while True:
            operator = self._token.text if self._token.kind in ("symbol", "keyword") else ""
            strength = _STRENGTHS.get(operator, 0)
            if strength < weakest:
                return left
            self._take()
            right = self._binary(strength if operator == "//" else strength + 1)
            left = operation(operator, left, right)
            if strength in _NOT_ASSOCIATIVE and _STRENGTHS.get(self._token.text) == strength:
                raise self._error(f"{self._token.text!r} needs parentheses here")

    def _postfix(self) -> Node:
        if self._sees("-"):
            return self._negation()
        node = self._term()
        while True:
            access = self._access(node)
            if access is not None:
                # A `?` right after an access covers this access alone, and not what stands before it.
                node = optional(access) if self._accept("?") else access
            elif self._accept("?"):
                node = syntax.Try(node, None)
            else:
                return node

    def _negation(self) -> Node:
        sign = self._take()
        self._descend()
        operand = self._postfix()
        self._ascend()
        if isinstance(operand, syntax.Literal) and is_number(operand.value):
            return syntax.Literal(checked_literal(-operand.value, sign.position))
        return syntax.Negate(operand)

    def _access(self, node: Node) -> Access | None:
        if self._token.kind == "field":
            return syntax.Index(node, syntax.Literal(self._take().text))
        if self._accept("."):
            if self._token.kind == "string":
                return syntax.Index(node, self._string("text"))
            self._expect("[")
            return self._bracket(node)
        return self._bracket(node) if self._accept("[") else None

    def _bracket(self, target: Node) -> Access:
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
                self._descend()
                node = self._keyword()
                self._ascend()
                return node
            case "symbol":
                return self._symbol()
            case "end":
                raise self._error(f"unexpected {self._shown()}")

    def _symbol(self) -> Node:
        token = self._take()
        match token.text:
            case ".":
                return self._after_dot()
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
            case _:
                raise self._error(f"unexpected {token.text!r}", token)

    def _after_dot(self) -> Node:
        if self._token.kind != "string":
            return syntax.Identity()
        access = syntax.Index(syntax.Identity(), self._string("text"))
        return optional(access) if self._accept("?") else access

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
            case "import" | "include" | "module":
                raise self._error(f"{token.text!r} is refused: an expression stands alone", token)
            case _:
                raise self._error(f"unexpected {token.text!r}", token)

    def _if(self) -> Node:
        branches = [self._branch()]
        while self._accept("elif"):
            branches.append(self._branch())
        tree = self.query() if self._accept("else") else syntax.Identity()
        self._expect("end")
        for condition, consequence in reversed(branches):
            tree = syntax.If(condition, consequence, tree)
        return tree

    def _branch(self) -> tuple[Node, Node]:
        condition = self.query()
        self._expect("then")
        return condition, self.query()

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
        source = self._operation()
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
