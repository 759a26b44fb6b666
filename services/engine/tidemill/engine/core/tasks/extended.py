"""A task with extensions: their tasks before it, itself, and their tasks after it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from tidemill.dsl.extending import Extension
from tidemill.dsl.task_references import of_extended_itself, of_extension
from tidemill.engine.core.entry import Entry
from tidemill.engine.core.events import RoundStarted, TaskStarted
from tidemill.engine.core.lifecycle import complete, enter_later
from tidemill.engine.core.node import Directive, Flow, Place, Surroundings, TaskList, TaskNode
from tidemill.engine.core.tasks.do import SequenceNode
from tidemill.engine.core.variables import Binding, Held, Variables, describe_extended
from tidemill.engine.core.views import FrameView
from tidemill.expressions import Expression, ExpressionError, is_truthy
from tidemill.expressions.errors import BudgetExceededError
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.tasks.registry import Kind
    from tidemill.engine.core.turn import Turn


_OF_THE_WHOLE: Final = ("if", "then")


@dataclass(frozen=True, slots=True)
class Addition:
    """An extension with its condition compiled: it applies where one of these holds. None: everywhere."""

    extension: Extension
    when: tuple[Expression, ...] | None


class ExtendedNode(SequenceNode):
    """Around a task: the lists that extensions put before it, the task itself, and the lists after it.

    The `if` and the `then` are those of the whole; everything else belongs to the task itself. Which
    extensions apply is asked once, on entry, and stands in the frame as the items of a loop. That loop has
    rounds only to remember where the task itself has said to go on, while the tasks after it run: the index
    is that of the directive.
    """

    __slots__ = ("_additions", "_afters", "_befores", "_directives", "_itself")

    def __init__(
        self,
        place: Place,
        definition: dict[str, Json],
        compiler: "Compiler",
        *,
        kind: "Kind",
        additions: Sequence[Addition],
    ) -> None:
        of_the_whole = {member: value for member, value in definition.items() if member in _OF_THE_WHOLE}
        super().__init__(place, of_the_whole, compiler)
        self.definition = definition
        self._additions = additions
        reference = place.reference
        # Rounds count entries anew, so the tasks inside are numbered as those of a loop are.
        inside = replace(place.surroundings, owner=self, loop=reference, are_branches=False)
        within = {name: value for name, value in definition.items() if name != "if"}
        itself = Place(of_extended_itself(reference), place.name, 0, inside)
        self._itself = compiler.make(kind, itself, within)
        self._itself.definition = definition
        self._itself.siblings = TaskList([self._itself])
        self._directives: list[Directive] = [*self._itself.directives(), Flow.EXIT]
        bindings = {"task": Binding(Held.EXTENDED, reference)}
        added = replace(inside, bindings=bindings, are_extendable=False)
        self._befores = self._lists("before", added, compiler)
        self._afters = self._lists("after", added, compiler)

    def _lists(
        self, member: str, surroundings: Surroundings, compiler: "Compiler"
    ) -> list[tuple[str, TaskList]]:
        """The lists of tasks that the extensions put at one side, each with the name of its extension."""
        return [
            (
                name,
                compiler.of_document.task_list(
                    definition[member],
                    f"{of_extension(self.reference, index, name)}/{member}",
                    surroundings,
                ),
            )
            for index, name, definition in (each.extension for each in self._additions)
            if definition.get(member)
        ]

    def directives(self) -> list[Directive]:
        return [*super().directives(), *self._itself.directives()]

    def takes_end(self, child: TaskNode) -> bool:
        """The tasks after it run, whatever way the task itself goes on."""
        return child is self._itself

    def prepare(self, turn: "Turn", entry: Entry) -> TaskStarted:
        applying: list[Json] = [
            each.extension.name for each in self._additions if _applies(turn, entry, each)
        ]
        return entry.started(items=turn.payload(applying))

    def begin(self, turn: "Turn", frame: FrameView) -> None:
        self._go_on_behind(turn, frame, None)

    def child_ended(self, turn: "Turn", frame: FrameView, child: TaskNode, directive: Directive) -> None:
        if child is self._itself:
            turn.later(self, partial(self._itself_ended, turn, frame, directive))
            return
        following = child.siblings.after(child, directive)
        if following is not None:
            enter_later(turn, following)
        elif directive is Flow.EXIT:
            self.later(turn, frame)
        else:
            turn.later(self, partial(self._go_on_behind, turn, frame, child.siblings))

    def _itself_ended(self, turn: "Turn", frame: FrameView, directive: Directive) -> None:
        if not any(True for _ in _applying(frame, self._afters)):
            complete(turn, self, frame, directive=directive)
            return
        if directive != self.common.then:
            turn.record(RoundStarted(self.reference, self._directives.index(directive)))
        self._go_on_behind(turn, frame, self._itself.siblings)

    def _go_on_behind(self, turn: "Turn", frame: FrameView, ended: TaskList | None) -> None:
        """Begin the list that comes after one that has ended; None stands for the beginning."""
        lists = [
            *_applying(frame, self._befores),
            self._itself.siblings,
            *_applying(frame, self._afters),
        ]
        index = 0 if ended is None else lists.index(ended) + 1
        if index < len(lists):
            self.begin_list(turn, frame, lists[index])
        else:
            self.list_ended(turn, frame)

    def list_ended(self, turn: "Turn", frame: FrameView) -> None:
        loop = frame.loop
        assert loop is not None
        complete(turn, self, frame, directive=None if loop.index < 0 else self._directives[loop.index])


def _applies(turn: "Turn", entry: Entry, addition: Addition) -> bool:
    """Whether an extension applies. May raise one of FAULTS."""
    if addition.when is None:
        return True
    variables = entry.variables()
    variables.own = {"task": describe_extended(entry.node, entry.raw_input, turn.now_us)}
    return any(_holds(turn, each, entry.input.value, variables) for each in addition.when)


def _holds(turn: "Turn", condition: Expression, value: Json, variables: Variables) -> bool:
    """What fails on a task does not hold for it: conditions are asked of tasks of many forms, and few fit
    all of them."""
    try:
        return is_truthy(turn.evaluate(condition, value, variables))
    except BudgetExceededError:
        raise
    except ExpressionError:
        return False


def _applying(frame: FrameView, lists: Sequence[tuple[str, TaskList]]) -> Iterator[TaskList]:
    """The lists of the extensions that apply."""
    assert frame.loop is not None
    names = frame.loop.items.value
    assert isinstance(names, list)
    return (listed for name, listed in lists if name in names)
