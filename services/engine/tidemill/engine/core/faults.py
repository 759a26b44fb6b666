"""How a task's error leaves the code that finds it: one exception, and what else counts as such."""

from typing import Final

from tidemill.engine.core.payload import Payload
from tidemill.engine.core.problems import Problem, standard_problem
from tidemill.expressions import ExpressionError
from tidemill.json import Json, JsonError, dumps


class TaskFaultError(Exception):
    """The task at hand raises this error."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail or problem.title)
        self.problem = problem


def fault(name: str, detail: str) -> TaskFaultError:
    """The fault for an error of a standard type."""
    return TaskFaultError(standard_problem(name, detail))


# Everything that is the workflow's fault. Any other exception is a bug of ours and leaves `decide`.
FAULTS: Final = (TaskFaultError, ExpressionError, JsonError)


def problem_of(error: Exception) -> Problem:
    """The workflow error for one of `FAULTS`."""
    match error:
        case TaskFaultError():
            return error.problem
        case ExpressionError():
            return standard_problem("expression", error.message)
        case JsonError():
            return standard_problem("validation", error.message)
        case _:
            raise error


def make_payload(value: Json, bytes_max: int) -> Payload:
    """Hold a value that was made just now.

    It is written at once, so that what cannot be stored is a fault of the task that made it: raises
    JsonError, or TaskFaultError when it is over `payload_bytes_max`.
    """
    data = dumps(value)
    if len(data) > bytes_max:
        raise fault("runtime", f"{len(data)} bytes are over payload_bytes_max ({bytes_max})")
    return Payload(data, value)
