"""`consume`: how many messages a subscription takes, and for how long."""

from typing import TYPE_CHECKING, Final

from tidemill.engine.core.asyncapi.rounds import taken_by
from tidemill.engine.core.lifecycle import variables_inside
from tidemill.engine.core.node import TaskNode
from tidemill.engine.core.referring import members
from tidemill.engine.core.views import FrameView
from tidemill.expressions import is_truthy
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn

# Under these names the language's own examples find the messages so far in the context.
_TAKEN_NAMES: Final = ("consumedMessages", "messages")


class Consumption:
    """An `amount`, a `while` or an `until`, and a `for` beside it."""

    __slots__ = ("_for", "_until", "_while", "amount")

    def __init__(self, consume: Json, pointer: str, compiler: "Compiler") -> None:
        given = members(consume)
        amount = given.get("amount")
        # 0 where there is no such limit.
        self.amount = amount if isinstance(amount, int) else 0
        self._while = compiler.condition(given.get("while"), f"{pointer}/while")
        self._until = compiler.condition(given.get("until"), f"{pointer}/until")
        self._for = compiler.optional_duration(given.get("for"), f"{pointer}/for")

    def ends_at_us(self, turn: "Turn", node: TaskNode, frame: FrameView) -> int:
        """When the time of `for` is over, 0 for never. May raise one of FAULTS."""
        if self._for is None:
            return 0
        variables = variables_inside(turn, node, frame)
        return frame.started_at_us + self._for.resolve(turn, node.transformed_input(frame), variables)

    def is_over(
        self, turn: "Turn", node: TaskNode, frame: FrameView, *, count: int, news: list[Json]
    ) -> bool:
        """Whether no more messages are wanted, now that there are so many. May raise one of FAULTS.

        `news` are those since the last round has ended. `while` is asked after each message, `until` before
        each: so only that may be over before the first.
        """
        if self.amount:
            return count >= self.amount
        asked, wanted = (self._until, True) if self._while is None else (self._while, False)
        if asked is None or (asked is self._while and not count):
            return False
        taken = [*taken_by(frame), *news]
        variables = variables_inside(turn, node, frame)
        if "context" in asked.variables:
            variables.own = {"context": _with_taken(turn.state.context.value, taken)}
        return is_truthy(turn.evaluate(asked, taken, variables)) is wanted


def _with_taken(context: Json, taken: list[Json]) -> Json:
    """The context, in which the messages so far can be found where nothing else stands."""
    if not isinstance(context, dict):
        return context
    return {**dict.fromkeys(_TAKEN_NAMES, taken), **context}
