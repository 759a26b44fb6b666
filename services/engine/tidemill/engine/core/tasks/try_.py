"""`try`: catches errors of its tasks, begins them again, and handles what is left."""

from dataclasses import replace
from typing import TYPE_CHECKING

from tidemill.dsl import normalize_error_type
from tidemill.dsl.references import resolve_retry
from tidemill.engine.core.compiler import members
from tidemill.engine.core.entry import Entry
from tidemill.engine.core.events import ErrorCaught, TaskRetried, TaskStarted
from tidemill.engine.core.lifecycle import cancel_children, complete, raise_error, variables_inside
from tidemill.engine.core.node import Directive, Place, TaskList, TaskNode, directive_of
from tidemill.engine.core.problems import Problem, standard_problem
from tidemill.engine.core.retrying import RetryPolicy
from tidemill.engine.core.tasks.do import SequenceNode
from tidemill.engine.core.variables import Binding, Held, Variables
from tidemill.engine.core.views import FrameView
from tidemill.expressions import is_truthy
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn


class TryNode(SequenceNode):
    """Its output is that of its tasks, or of its handler; each attempt and the handler get its input."""

    __slots__ = ("_except_when", "_filter", "_handler", "_list", "_retry", "_then", "_variable", "_when")

    def __init__(self, place: Place, definition: dict[str, Json], compiler: "Compiler") -> None:
        super().__init__(place, definition, compiler)
        reference = place.reference
        catch = members(definition.get("catch"))
        pointer = f"{reference}/catch"
        self._filter = members(members(catch.get("errors")).get("with"))
        self._when = compiler.condition(catch.get("when"), f"{pointer}/when")
        self._except_when = compiler.condition(catch.get("exceptWhen"), f"{pointer}/exceptWhen")
        self._variable = str(catch.get("as", "error"))
        self._then = directive_of(catch["then"]) if "then" in catch else None
        self._retry: RetryPolicy | None = None
        if "retry" in catch:
            policy = compiler.resolve(resolve_retry, catch["retry"], f"{pointer}/retry")
            self._retry = RetryPolicy(policy, f"{pointer}/retry", compiler)
        around = place.surroundings
        inside = replace(
            around,
            owner=self,
            outermost_try=around.outermost_try or reference,
            are_branches=False,
        )
        self._list = compiler.task_list(definition["try"], f"{reference}/try", inside)
        bindings = {**around.bindings, self._variable: Binding(Held.ERROR, reference)}
        handling = replace(inside, bindings=bindings)
        self._handler: TaskList | None = None
        if "do" in catch:
            self._handler = compiler.task_list(catch["do"], f"{pointer}/do", handling)

    def directives(self) -> list[Directive]:
        return [*super().directives(), *([] if self._then is None else [self._then])]

    def prepare(self, turn: "Turn", entry: Entry) -> TaskStarted:
        if self._retry is None:
            return entry.started()
        variables = entry.variables()
        variables.own = {self._variable: None}
        ends_at_us = self._retry.attempt_ends_at_us(turn, None, variables)
        return entry.started(attempt_timeout_at_us=ends_at_us)

    def begin(self, turn: "Turn", frame: FrameView) -> None:
        self.begin_list(turn, frame, self._list)

    def list_ended(self, turn: "Turn", frame: FrameView) -> None:
        caught = frame.attempts is not None and frame.attempts.caught is not None
        complete(turn, self, frame, directive=self._then if caught else None)

    def child_faulted(self, turn: "Turn", frame: FrameView, child: TaskNode, problem: Problem) -> bool:
        if child.siblings is not self._list or turn.is_spent:
            return False
        return self._catch(turn, frame, problem)

    def attempt_timed_out(self, turn: "Turn", frame: FrameView) -> None:
        """Raise the timeout error of an attempt inside the block; it can be caught like any other there."""
        cancel_children(turn, frame)
        problem = standard_problem("timeout", f"an attempt of {self.pointer} took too long", self.pointer)
        if not self._catch(turn, frame, problem):
            raise_error(turn, self, problem)

    def retry(self, turn: "Turn", frame: FrameView) -> None:
        """Begin the block again."""
        ends_at_us = 0
        caught = frame.attempts and frame.attempts.caught
        if self._retry is not None and caught:
            variables = self._variables(turn, frame, caught)
            ends_at_us = self._retry.attempt_ends_at_us(turn, frame, variables)
        turn.record(TaskRetried(self.reference, ends_at_us))
        self.begin_list(turn, frame, self._list)

    def _catch(self, turn: "Turn", frame: FrameView, problem: Problem) -> bool:
        """Catch an error if it is one that this `try` catches; spent retries without a handler do not."""
        variables = self._variables(turn, frame, problem)
        if not self._wants(turn, frame, problem, variables=variables):
            return False
        retry_at_us = self._retry.retry_at_us(turn, frame, variables) if self._retry else None
        if retry_at_us is not None:
            self._catch_to_retry(turn, frame, problem, retry_at_us=retry_at_us)
            return True
        if self._retry is not None and self._handler is None and self._then is None:
            return False
        turn.record(ErrorCaught(self.reference, problem))
        if self._handler is None:
            self.later(turn, frame)
        else:
            self.begin_list(turn, frame, self._handler)
        return True

    def _catch_to_retry(self, turn: "Turn", frame: FrameView, problem: Problem, *, retry_at_us: int) -> None:
        number = (frame.attempts.retries if frame.attempts is not None else 0) + 1
        turn.record(ErrorCaught(self.reference, problem, number, retry_at_us))
        if retry_at_us <= turn.now_us:
            turn.later(self, lambda: self.retry(turn, frame))

    def _variables(self, turn: "Turn", frame: FrameView, problem: Problem) -> Variables:
        variables = variables_inside(turn, self, frame)
        variables.own = {self._variable: problem.as_json()}
        return variables

    def _wants(self, turn: "Turn", frame: FrameView, problem: Problem, *, variables: Variables) -> bool:
        if not all(_equals(problem, name, wanted) for name, wanted in self._filter.items()):
            return False
        value = frame.input.value
        if self._when is not None and not is_truthy(turn.evaluate(self._when, value, variables)):
            return False
        return self._except_when is None or not is_truthy(turn.evaluate(self._except_when, value, variables))


def _equals(problem: Problem, name: str, wanted: Json) -> bool:
    """Whether an error has what a static filter asks for; the standard types have several names."""
    if name == "type":
        return normalize_error_type(problem.type) == normalize_error_type(str(wanted))
    return problem.member(name) == wanted
