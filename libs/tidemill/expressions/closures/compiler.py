"""Compiles the shapes that closures can do, and answers None for all others."""

from collections.abc import Callable
from typing import Final, TypeAlias, TypeVar

from tidemill.expressions import syntax
from tidemill.expressions.closures import access, calls, construction, flow, operations, shapes, updates
from tidemill.expressions.closures.inspection import comma_parts, inline, straight_keys, weight
from tidemill.expressions.closures.shapes import Many, Single
from tidemill.expressions.functions.formats import formatter
from tidemill.expressions.functions.registry import MANY, SINGLE, refusal
from tidemill.expressions.scope import Bound, Inline, Scope
from tidemill.expressions.syntax import Node

# Closures nest on the Python stack; deeper programs go to the machine, which has none.
CLOSURE_LEVELS_MAX: Final = 40
_UPDATES: Final = frozenset(["~assign/2", "~modify/2", "del/1"])
_RUN_FREE_CALLS: Final = frozenset(["not/0", "type/0", "length/0"])

_Closure = TypeVar("_Closure")
_Memory: TypeAlias = dict[tuple[int, int], tuple[Node, Scope, _Closure | None]]


class Closures:
    """Compiles for one expression; what any part of it uses is known then.

    `needs_variables` are those that the caller gives; `needs_run` is the rest: budget and time.
    """

    def __init__(self, global_variable: Callable[[str, int], None]) -> None:
        self.needs_variables = False
        self.needs_run = False
        self._global_variable = global_variable
        self._singles: _Memory[Single] = {}
        self._manies: _Memory[Many] = {}
        self._deeper: dict[tuple[int, int], Scope] = {}
        self._levels = 0

    def single(self, node: Node, scope: Scope) -> Single | None:
        """A closure of exactly one output."""
        return self._remembered(self._singles, self._single, node, scope)

    def many(self, node: Node, scope: Scope) -> Many | None:
        """A closure of any number of outputs."""
        return self._remembered(self._manies, self._many, node, scope)

    def _remembered(
        self,
        memory: "_Memory[_Closure]",
        build: Callable[[Node, Scope], _Closure | None],
        node: Node,
        scope: Scope,
    ) -> _Closure | None:
        known = memory.get((id(node), id(scope)))
        if known is not None:
            return known[2]
        if self._levels >= CLOSURE_LEVELS_MAX:
            return None
        self._levels += 1
        closure = build(node, scope)
        self._levels -= 1
        # Node and scope are kept, so that their identities stay theirs.
        memory[id(node), id(scope)] = (node, scope, closure)
        return closure

    def _all(self, nodes: list[Node], scope: Scope) -> list[Single] | None:
        made = [self.single(node, scope) for node in nodes]
        return None if None in made else [closure for closure in made if closure is not None]

    def _single(self, node: Node, scope: Scope) -> Single | None:
        match node:
            case syntax.Identity():
                return shapes.identity
            case syntax.Literal():
                return shapes.constant(node.value)
            case syntax.Variable():
                return self._variable(node, scope)
            case syntax.Index():
                return self._index(node, scope)
            case syntax.Binary():
                return self._binary(node, scope)
            case syntax.Call():
                return self._single_call(node, scope)
            case syntax.Array():
                return self._array(node, scope)
            case syntax.Reduce():
                return self._reduce(node, scope)
            case _:
                return self._composed(node, scope)

    def _composed(self, node: Node, scope: Scope) -> Single | None:
        """What is made of singles only."""
        match node:
            case syntax.Object():
                return self._object(node, scope)
            case syntax.Text():
                return self._text(node, scope)
            case syntax.Slice():
                return self._slice(node, scope)
            case syntax.Bind():
                source = self.single(node.source, scope)
                body = source and self.single(node.body, scope.with_value("$" + node.name))
                return flow.bind(source, body) if source and body else None
            case syntax.Try() if node.handler is not None:
                self.needs_run = True
                return self._of([node.body, node.handler], scope, flow.attempt)
            case syntax.If():
                return self._of([node.condition, node.consequence, node.otherwise], scope, flow.condition)
            case syntax.Negate():
                self.needs_run = True
                return self._of([node.operand], scope, operations.negated)
            case syntax.Pipe():
                return self._of([node.left, node.right], scope, flow.pipe)
            case syntax.Alternative():
                return self._of([node.left, node.right], scope, operations.alternative)
            case syntax.Logical():
                join = operations.both if node.operator == "and" else operations.either
                return self._of([node.left, node.right], scope, join)
            case _:
                return None

    def _of(self, nodes: list[Node], scope: Scope, join: Callable[..., Single]) -> Single | None:
        made = self._all(nodes, scope)
        return None if made is None else join(*made)

    def _variable(self, node: syntax.Variable, scope: Scope) -> Single:
        entry = scope.find("$" + node.name)
        if isinstance(entry, Bound):
            return shapes.local_variable(scope.depth - entry.level - 1)
        self._global_variable(node.name, node.position)
        self.needs_variables = True
        return shapes.global_variable(node.name)

    def _index(self, node: syntax.Index, scope: Scope) -> Single | None:
        names: list[str] = []
        target: Node = node
        while (
            isinstance(target, syntax.Index)
            and isinstance(target.key, syntax.Literal)
            and isinstance(target.key.value, str)
        ):
            names.append(target.key.value)
            target = target.target
        if names:
            base = self.single(target, scope)
            return base and access.fields(base, names[::-1])
        if isinstance(node.key, syntax.Literal) and type(node.key.value) is int:
            base = self.single(node.target, scope)
            return base and access.element(base, node.key.value)
        self.needs_run = True
        return self._of([node.target, node.key], scope, access.computed)

    def _slice(self, node: syntax.Slice, scope: Scope) -> Single | None:
        self.needs_run = True
        nothing = syntax.Literal(None)
        return self._of([node.target, node.start or nothing, node.stop or nothing], scope, access.part)

    def _binary(self, node: syntax.Binary, scope: Scope) -> Single | None:
        right = node.right
        if isinstance(right, syntax.Literal) and not isinstance(right.value, list | dict):
            left = self.single(node.left, scope)
            quick = left and operations.with_constant(node.operator, left, right.value)
            if quick:
                return quick
        self.needs_run = True
        made = self._all([node.left, node.right], scope)
        return None if made is None else operations.binary(node.operator, *made)

    def _array(self, node: syntax.Array, scope: Scope) -> Single | None:
        items = self._all(comma_parts(node.body), scope)
        if items is not None:
            return construction.array(items)
        self.needs_run = True
        mapped = self._mapped(node.body, scope)
        if mapped is not None:
            return mapped
        source = self.many(node.body, scope)
        return None if source is None else flow.collect(source)

    def _mapped(self, node: Node, scope: Scope) -> Single | None:
        if (
            isinstance(node, syntax.Pipe)
            and isinstance(node.left, syntax.Iterate)
            and isinstance(node.left.target, syntax.Identity)
        ):
            body = self.single(node.right, scope)
            return body and construction.mapped(body, weight(node.right))
        return None

    def _reduce(self, node: syntax.Reduce, scope: Scope) -> Single | None:
        self.needs_run = True
        source, start = self.many(node.source, scope), self.single(node.start, scope)
        update = self.single(node.update, scope.with_value("$" + node.name))
        if source is None or start is None or update is None:
            return None
        return flow.reduce(source, start, update, weight(node.update))

    def _object(self, node: syntax.Object, scope: Scope) -> Single | None:
        contents = self._all([value for _, value in node.entries], scope)
        if contents is None:
            return None
        names = [
            key.value
            for key, _ in node.entries
            if isinstance(key, syntax.Literal) and isinstance(key.value, str)
        ]
        if len(names) == len(node.entries):
            return construction.named_object(list(zip(names, contents, strict=True)))
        self.needs_run = True
        keys = self._all([key for key, _ in node.entries], scope)
        return None if keys is None else construction.computed_object(list(zip(keys, contents, strict=True)))

    def _text(self, node: syntax.Text, scope: Scope) -> Single | None:
        self.needs_run = True
        filled = self._all([part for part in node.parts if not isinstance(part, str)], scope)
        if filled is None:
            return None
        closures = iter(filled)
        parts = [part if isinstance(part, str) else next(closures) for part in node.parts]
        return construction.text(parts, formatter(node.format), plain=node.format == "text")

    def _single_call(self, node: syntax.Call, scope: Scope) -> Single | None:
        key = f"{node.name}/{len(node.arguments)}"
        entry = scope.find(key)
        if isinstance(entry, Inline):
            return self.single(entry.node, self._scope_of(entry, scope.depth))
        if entry is not None or refusal(key):
            return None
        if key in _UPDATES:
            return self._update(node, scope)
        if key in SINGLE:
            self.needs_run = self.needs_run or key not in _RUN_FREE_CALLS
            arguments = self._all(list(node.arguments), scope)
            return None if arguments is None else calls.single_native(SINGLE[key], arguments)
        inlined = inline(key, node, scope)
        return inlined and self.single(*inlined)

    def _update(self, node: syntax.Call, scope: Scope) -> Single | None:
        self.needs_run = True
        keys = straight_keys(node.arguments[0])
        closures = None if keys is None else self._all(keys, scope)
        if closures is None:
            return None
        if node.name == "del":
            return updates.delete(closures)
        content = self.single(node.arguments[1], scope)
        join = updates.assign if node.name == "~assign" else updates.modify
        return content and join(closures, content)

    def _scope_of(self, argument: Inline, depth: int) -> Scope:
        """The scope of an argument, where the environment has grown to that depth since."""
        if argument.scope.depth == depth:
            return argument.scope
        key = (id(argument.scope), depth)
        return self._deeper.setdefault(key, Scope(argument.scope, depth=depth))

    def _many(self, node: Node, scope: Scope) -> Many | None:
        self.needs_run = True
        single = self.single(node, scope)
        if single is not None:
            return shapes.once(single)
        match node:
            case syntax.Iterate():
                return self._iterate(node, scope)
            case syntax.Index():
                base, wanted = self.many(node.target, scope), self.single(node.key, scope)
                return access.index_each(base, wanted) if base and wanted else None
            case syntax.Pipe():
                return self._pipe(node, scope)
            case syntax.Comma():
                return self._of_many([node.left, node.right], scope, flow.comma)
            case syntax.Alternative():
                return self._of_many([node.left, node.right], scope, operations.alternative_many)
            case syntax.If():
                test = self.single(node.condition, scope)
                branches = self._all_many([node.consequence, node.otherwise], scope)
                return flow.condition_many(test, *branches) if test and branches else None
            case syntax.Try():
                handler = node.handler or syntax.Call("empty", (), 0)
                return self._of_many([node.body, handler], scope, flow.attempt_many)
            case syntax.Binary():
                return self._binary_many(node, scope)
            case syntax.Bind():
                source = self.many(node.source, scope)
                body = self.many(node.body, scope.with_value("$" + node.name))
                return flow.bind_many(source, body, weight(node.body)) if source and body else None
            case syntax.Call():
                return self._many_call(node, scope)
            case _:
                return None

    def _all_many(self, nodes: list[Node], scope: Scope) -> list[Many] | None:
        made = [self.many(node, scope) for node in nodes]
        return None if None in made else [closure for closure in made if closure is not None]

    def _of_many(self, nodes: list[Node], scope: Scope, join: Callable[..., Many]) -> Many | None:
        made = self._all_many(nodes, scope)
        return None if made is None else join(*made)

    def _iterate(self, node: syntax.Iterate, scope: Scope) -> Many | None:
        base = self.single(node.target, scope)
        if base is not None:
            return access.iterate(base)
        bases = self.many(node.target, scope)
        return bases and access.iterate_each(bases)

    def _pipe(self, node: syntax.Pipe, scope: Scope) -> Many | None:
        left, right = self.single(node.left, scope), self.single(node.right, scope)
        lefts = None if left else self.many(node.left, scope)
        if lefts and right:
            return flow.pipe_each(lefts, right, weight(node.right))
        rights = self.many(node.right, scope)
        if left and rights:
            return flow.pipe_into_many(left, rights)
        return flow.pipe_all(lefts, rights, weight(node.right)) if lefts and rights else None

    def _binary_many(self, node: syntax.Binary, scope: Scope) -> Many | None:
        left, right = self.single(node.left, scope), self.single(node.right, scope)
        if right is not None:
            lefts = self.many(node.left, scope)
            return lefts and operations.left_many(node.operator, lefts, right)
        rights = self.many(node.right, scope)
        if left is None or rights is None:
            return None
        return operations.right_many(node.operator, left, rights)

    def _many_call(self, node: syntax.Call, scope: Scope) -> Many | None:
        key = f"{node.name}/{len(node.arguments)}"
        entry = scope.find(key)
        if isinstance(entry, Inline):
            return self.many(entry.node, self._scope_of(entry, scope.depth))
        if entry is not None or refusal(key):
            return None
        if key == "empty/0":
            return shapes.nothing
        if key == "first/1":
            return self._of_many([node.arguments[0]], scope, flow.first)
        if key == "limit/2":
            count, source = self.single(node.arguments[0], scope), self.many(node.arguments[1], scope)
            return flow.limit(count, source) if count and source else None
        if key in MANY:
            arguments = self._all(list(node.arguments), scope)
            return None if arguments is None else calls.many_native(MANY[key], arguments)
        inlined = inline(key, node, scope)
        return inlined and self.many(*inlined)
