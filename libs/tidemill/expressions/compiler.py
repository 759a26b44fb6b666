"""Compiles a syntax tree to the steps of the machine, and finds unknown and refused names while doing so."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from tidemill.expressions import syntax
from tidemill.expressions.budget import Run
from tidemill.expressions.closures.compiler import Closures
from tidemill.expressions.closures.inspection import weight
from tidemill.expressions.errors import ExpressionSyntaxError
from tidemill.expressions.functions import definitions
from tidemill.expressions.functions.definitions import definition_of
from tidemill.expressions.functions.formats import formatter, join_text
from tidemill.expressions.functions.registry import MANY, SINGLE, refusal
from tidemill.expressions.machine import Step
from tidemill.expressions.operators import OPERATORS, negate
from tidemill.expressions.paths import elements, index, slice_of
from tidemill.expressions.scope import Bound, Function, Scope
from tidemill.expressions.steps import calls, flow, loops, values
from tidemill.expressions.syntax import Node
from tidemill.json import Json

EMPTY_SCOPE: Final = Scope()


class Compiler:
    """Compiles one expression. `variables` collects the names that the caller has to give."""

    def __init__(self, allowed: frozenset[str] | None, *, closures: bool = True) -> None:
        self.variables: set[str] = set()
        self.closures = Closures(self.global_variable) if closures else None
        self._allowed = allowed
        self._library: dict[str, Function] = {}

    def step(self, node: Node, scope: Scope) -> Step:
        """The steps that give the values of a node."""
        return self._build(node, scope, False)

    def path_step(self, node: Node, scope: Scope) -> Step:
        """The steps that give the places of a node: path and value."""
        return self._build(node, scope, True)

    def global_variable(self, name: str, position: int) -> None:
        """Note the use of a variable that the caller gives; raises ExpressionSyntaxError for unknown ones."""
        if message := refusal("$" + name):
            raise ExpressionSyntaxError(message, position)
        if self._allowed is not None and name not in self._allowed:
            raise ExpressionSyntaxError(f"${name} is not defined", position)
        self.variables.add(name)

    def _build(self, node: Node, scope: Scope, path_mode: bool) -> Step:
        quick = None if path_mode or self.closures is None else self._quick(node, scope)
        built = quick or self._build_both(node, scope, path_mode)
        if built is not None:
            return built
        if path_mode:
            return self._build_path(node, scope)
        return self._build_value(node, scope)

    def _quick(self, node: Node, scope: Scope) -> Step | None:
        """A node as one step, when closures can do all of it."""
        assert self.closures is not None
        single = self.closures.single(node, scope)
        if single is not None:
            return values.lifted(single, weight(node))
        many = self.closures.many(node, scope)
        return None if many is None else values.lifted_many(many, weight(node))

    def _build_both(self, node: Node, scope: Scope, path_mode: bool) -> Step | None:
        """What works alike on values and on places."""
        build = partial(self._build, scope=scope, path_mode=path_mode)
        match node:
            case syntax.Identity():
                return flow.identity
            case syntax.Pipe():
                return flow.pipe(build(node.left), build(node.right))
            case syntax.Comma():
                return flow.comma(build(node.left), build(node.right))
            case syntax.Alternative():
                return flow.alternative(build(node.left), build(node.right), path_mode=path_mode)
            case syntax.If():
                test = self.step(node.condition, scope)
                return flow.condition(
                    test, build(node.consequence), build(node.otherwise), path_mode=path_mode
                )
            case syntax.Try():
                handler = None if node.handler is None else build(node.handler)
                return flow.attempt(build(node.body), handler, path_mode=path_mode)
            case syntax.Fallback():
                return flow.fallback(build(node.first), build(node.second))
            case syntax.Call():
                return self._call(node, scope, path_mode)
            case _:
                return self._build_scoped(node, scope, path_mode)

    def _build_scoped(self, node: Node, scope: Scope, path_mode: bool) -> Step | None:
        """What brings a name into scope, on values and on places."""
        build = partial(self._build, path_mode=path_mode)
        match node:
            case syntax.Bind():
                body = build(node.body, scope.with_value("$" + node.name))
                return loops.bind(self.step(node.source, scope), body, path_mode=path_mode)
            case syntax.Reduce():
                inner = scope.with_value("$" + node.name)
                source, start = self.step(node.source, scope), build(node.start, scope)
                return loops.reduce(source, start, build(node.update, inner), path_mode=path_mode)
            case syntax.Foreach():
                inner = scope.with_value("$" + node.name)
                source, start = self.step(node.source, scope), build(node.start, scope)
                update, extract = build(node.update, inner), build(node.extract, inner)
                return loops.foreach(source, start, update, extract, path_mode=path_mode)
            case syntax.Label():
                return flow.label(build(node.body, scope.with_value("*" + node.name)))
            case syntax.Break():
                return self._break(node, scope)
            case syntax.Define():
                key = f"{node.name}/{len(node.parameters)}"
                function = self._function(node, scope)
                return build(node.rest, scope.with_function(key, function))
            case _:
                return None

    def _build_path(self, node: Node, scope: Scope) -> Step:
        match node:
            case syntax.Index():
                return values.index_path(self.path_step(node.target, scope), self.step(node.key, scope))
            case syntax.Slice():
                bounds = [self._bound(node.start, scope), self._bound(node.stop, scope)]
                return values.slice_path(self.path_step(node.target, scope), bounds)
            case syntax.Iterate():
                return values.iterate_path(self.path_step(node.target, scope))
            case _:
                return flow.detached(self.step(node, scope))

    def _bound(self, node: Node | None, scope: Scope) -> Step:
        return flow.constant(None) if node is None else self.step(node, scope)

    def _build_value(self, node: Node, scope: Scope) -> Step:
        match node:
            case syntax.Literal():
                return flow.constant(node.value)
            case syntax.Variable():
                return self._variable(node, scope)
            case syntax.Index():
                parts = [self.step(node.key, scope), self.step(node.target, scope)]
                return values.gather(parts, _index)
            case syntax.Slice():
                parts = [self._bound(node.start, scope), self._bound(node.stop, scope)]
                return values.gather([*parts, self.step(node.target, scope)], _slice)
            case syntax.Iterate():
                return flow.pipe(self.step(node.target, scope), values.gather_many([], _elements))
            case syntax.Array():
                return loops.collect(self.step(node.body, scope))
            case syntax.Object():
                parts = [self.step(part, scope) for entry in node.entries for part in entry]
                return values.gather(parts, values.combine_object(len(node.entries)))
            case syntax.Text():
                return self._text(node, scope)
            case _:
                return self._build_operation(node, scope)

    def _build_operation(self, node: Node, scope: Scope) -> Step:
        match node:
            case syntax.Negate():
                return values.gather([self.step(node.operand, scope)], _negate)
            case syntax.Binary():
                operator = OPERATORS[node.operator]
                parts = [self.step(node.right, scope), self.step(node.left, scope)]
                return values.gather(parts, lambda run, _, right, left: operator(left, right, run.budget))
            case syntax.Logical():
                left, right = self.step(node.left, scope), self.step(node.right, scope)
                return flow.logical(left, right, decisive=node.operator == "or")
            case _:
                raise AssertionError(node)

    def _text(self, node: syntax.Text, scope: Scope) -> Step:
        fill = formatter(node.format)
        parts = [self.step(part, scope) for part in reversed(node.parts) if not isinstance(part, str)]
        return values.gather(parts, join_text(node.parts, fill), turned=True)

    def _variable(self, node: syntax.Variable, scope: Scope) -> Step:
        entry = scope.find("$" + node.name)
        if entry is None:
            self.global_variable(node.name, node.position)
            return calls.global_variable(node.name)
        assert isinstance(entry, Bound)
        return calls.local_variable(scope.depth - entry.level - 1)

    def _break(self, node: syntax.Break, scope: Scope) -> Step:
        entry = scope.find("*" + node.name)
        if entry is None:
            raise ExpressionSyntaxError(f"there is no label ${node.name} here", node.position)
        assert isinstance(entry, Bound)
        return flow.break_to(scope.depth - entry.level - 1)

    def _function(self, node: syntax.Define, scope: Scope) -> Function:
        inner = scope
        key = f"{node.name}/{len(node.parameters)}"

        def compile_body(path_mode: bool) -> Step:
            return self._build(node.body, inner, path_mode)

        function = Function(scope.depth, compile_body)
        inner = inner.with_function(key, function)
        for parameter in node.parameters:
            inner = inner.with_value(parameter + "/0")
        function.compile()
        return function

    def _call(self, node: syntax.Call, scope: Scope, path_mode: bool) -> Step | None:
        key = f"{node.name}/{len(node.arguments)}"
        entry = scope.find(key)
        if isinstance(entry, Bound):
            return calls.argument(scope.depth - entry.level - 1, path_mode=path_mode)
        if isinstance(entry, Function):
            return self._call_function(entry, node, scope, path_mode)
        return self._call_builtin(key, node, scope, path_mode)

    def _call_builtin(self, key: str, node: syntax.Call, scope: Scope, path_mode: bool) -> Step | None:
        if message := refusal(key):
            raise ExpressionSyntaxError(message, node.position)
        special = self._special(key, node, scope, path_mode)
        if special is not None:
            return special
        if path_mode and (key in SINGLE or key in MANY) and key not in _PATHS_BY_DEFINITION:
            return flow.detached(self._call_native(key, node, scope))
        if not path_mode and (key in SINGLE or key in MANY):
            return self._call_native(key, node, scope)
        return self._call_function(self._library_function(key, node), node, scope, path_mode)

    def _call_native(self, key: str, node: syntax.Call, scope: Scope) -> Step:
        # The last argument varies slowest, the input stays.
        parts = [self.step(part, scope) for part in reversed(node.arguments)]
        native = SINGLE.get(key)
        if native is not None:
            return values.gather(parts, native, turned=True)
        return values.gather_many(parts, MANY[key], turned=True)

    def _special(self, key: str, node: syntax.Call, scope: Scope, path_mode: bool) -> Step | None:
        arguments = node.arguments
        match key:
            case "empty/0":
                return flow.empty
            case "builtins/0" if not path_mode:
                return flow.constant(builtin_names())
            case "first/1":
                return flow.first_of(self._build(arguments[0], scope, path_mode))
            case "last/1":
                return loops.last_of(self._build(arguments[0], scope, path_mode))
            case "limit/2" | "skip/2":
                limited = flow.limit_of if key == "limit/2" else flow.skip_of
                body = self._build(arguments[1], scope, path_mode)
                return limited(self.step(arguments[0], scope), body, path_mode=path_mode)
            case "getpath/1" if path_mode:
                return values.get_path_step(self.step(arguments[0], scope))
            case "path/1" if not path_mode:
                return loops.path_of(self.path_step(arguments[0], scope))
            case "~assign/2" if not path_mode:
                return loops.assign(self.path_step(arguments[0], scope), self.step(arguments[1], scope))
            case "~modify/2" if not path_mode:
                return loops.modify(self.path_step(arguments[0], scope), self.step(arguments[1], scope))
            case "path/1" | "~assign/2" | "~modify/2" | "builtins/0":
                return flow.detached(self.step(node, scope))
            case _:
                return None

    def _call_function(self, function: Function, node: syntax.Call, scope: Scope, path_mode: bool) -> Step:
        closures = [
            calls.Closure(self.step(part, scope), partial(self.path_step, part, scope))
            for part in node.arguments
        ]
        return calls.call(function, closures, scope.depth - function.level, path_mode=path_mode)

    def _library_function(self, key: str, node: syntax.Call) -> Function:
        function = self._library.get(key)
        if function is None:
            definition = definition_of(key)
            if definition is None:
                raise ExpressionSyntaxError(f"{key} is not defined", node.position)
            function = self._library[key] = self._library_body(definition)
        return function

    def _library_body(self, definition: syntax.Define) -> Function:
        return self._function(definition, EMPTY_SCOPE)


_SPECIAL_NAMES: Final = ("builtins/0", "empty/0", "first/1", "last/1", "limit/2", "path/1", "skip/2")


def builtin_names() -> list[Json]:
    """Every builtin as `name/arity`, in order."""
    names = {*SINGLE, *MANY, *definitions.NAMES, *_SPECIAL_NAMES}
    return [name for name in sorted(names) if not name.startswith("_")]


# In path mode these natives follow their definition, because their outputs are places.
_PATHS_BY_DEFINITION: Final = frozenset(["recurse/0"])


def _index(run: Run, _: Json, key: Json, target: Json) -> Json:
    return index(target, key, run.budget)


def _slice(run: Run, _: Json, start: Json, stop: Json, target: Json) -> Json:
    return slice_of(target, start, stop, run.budget)


def _elements(run: Run, value: Json) -> Iterator[Json]:
    return iter(elements(value))


def _negate(run: Run, _: Json, operand: Json) -> Json:
    return negate(operand, run.budget)
