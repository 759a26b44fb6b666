"""`call`: an action of the outside world, and what every task with an action shares."""

from abc import abstractmethod
from typing import TYPE_CHECKING

from tidemill.engine.core.entry import Entry
from tidemill.engine.core.evaluation import Evaluator
from tidemill.engine.core.events import ActionCompleted, ActionRequested, ActionState, TaskStarted
from tidemill.engine.core.faults import TaskFaultError
from tidemill.engine.core.lifecycle import complete
from tidemill.engine.core.node import Place, WaitingNode
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.problems import Problem, standard_problem
from tidemill.engine.core.requests import compile_request
from tidemill.engine.core.variables import NO_VARIABLES
from tidemill.engine.core.views import FrameView
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn


class ActionNode(WaitingNode):
    """A task whose work is one action: it waits for the outcome."""

    __slots__ = ()

    @abstractmethod
    def request(self, turn: "Turn", entry: Entry) -> ActionRequested:
        """What to ask for. May raise one of FAULTS."""

    def prepare(self, turn: "Turn", entry: Entry) -> TaskStarted:
        return entry.started(self.request(turn, entry))

    def begin(self, turn: "Turn", frame: FrameView) -> None:
        """Leave it to its action."""

    def go_on(self, turn: "Turn", frame: FrameView) -> None:
        outcome = frame.outcome
        assert outcome is not None
        if outcome.state is not ActionState.SUCCEEDED:
            raise TaskFaultError(_problem(outcome))
        complete(turn, self, frame)


class CallNode(ActionNode):
    """Its output is the action's."""

    __slots__ = ("_constant", "_request")

    def __init__(self, place: Place, definition: dict[str, Json], compiler: "Compiler") -> None:
        super().__init__(place, definition, compiler)
        self._request = compile_request(definition, place.reference, compiler)
        self._constant: ActionRequested | None = None
        if self._request.is_constant:
            evaluator = Evaluator(0, 0)
            arguments = self._request.arguments(evaluator, None, NO_VARIABLES)
            secrets = self._request.secrets.uses(evaluator, None, NO_VARIABLES)
            self._constant = ActionRequested(self._request.action, Payload.of(arguments), secrets)

    def request(self, turn: "Turn", entry: Entry) -> ActionRequested:
        if self._constant is not None:
            return self._constant
        value, variables = entry.input.value, entry.variables()
        arguments = self._request.arguments(turn, value, variables)
        secrets = self._request.secrets.uses(turn, value, variables)
        return ActionRequested(self._request.action, turn.payload(arguments), secrets)


def _problem(outcome: ActionCompleted) -> Problem:
    if outcome.error is not None:
        return outcome.error
    if outcome.state is ActionState.UNKNOWN:
        return standard_problem("runtime", "whether the action took effect cannot be known")
    return standard_problem("runtime", f"the action ended as {outcome.state.name.lower()}")
