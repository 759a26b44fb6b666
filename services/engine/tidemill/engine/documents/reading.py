"""What was fetched, read: functions with all that is wrong with them, and what is kept of values in YAML."""

from tidemill import dsl
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.dsl.checking import FunctionChecks
from tidemill.dsl.outside import OutsideDocument
from tidemill.dsl.support import unsupported_in_function
from tidemill.engine.core.documents import read_value
from tidemill.errors import TidemillError
from tidemill.events.filters import FilterError
from tidemill.events.listens import listens_of
from tidemill.json import Json, JsonError, dumps, loads


def read_function(content: bytes, function: OutsideDocument, checks: FunctionChecks) -> Json:
    """The task of a function from outside, as well checked as one of `use.functions`.

    Raises DocumentError with the place in the definition, the URI and the pointer there, or TidemillError for
    a feature that is not built yet.
    """
    try:
        task = read_value(content)
    except (dsl.DocumentError, JsonError) as error:
        message = error.problems[0].message if isinstance(error, dsl.DocumentError) else error.message
        raise dsl.DocumentError([_named(function, dsl.Problem("", message))]) from None
    if problems := checks.problems(task, function.uri):
        raise dsl.DocumentError(_named(function, problem) for problem in problems)
    if later := [_named(function, problem) for problem in unsupported_in_function(task)]:
        raise TidemillError(
            reasons.ERROR_REASON_UNSUPPORTED_FEATURE,
            "\n".join(map(str, later)),
            {"problems": str(len(later)), "pointer": function.pointer},
        )
    try:
        listens_of({}, [task])
    except FilterError as error:
        problem = dsl.Problem(error.pointer, error.message)
        raise dsl.DocumentError([_named(function, problem)]) from None
    return task


def _named(function: OutsideDocument, problem: dsl.Problem) -> dsl.Problem:
    """A problem of a function, at the place in the definition that leads to it."""
    message = f"{function.source}: {problem.pointer or '/'}: {problem.message}"
    return dsl.Problem(function.pointer, message)


def json_form(content: bytes) -> bytes | None:
    """The same value in JSON, for what is YAML: that is read a hundred times as fast.

    None for what is JSON already, for what is neither, and for what JSON would not give back as it was.
    """
    try:
        loads(content)
    except JsonError:
        pass
    else:
        return None
    try:
        value = read_value(content)
        data = dumps(value)
        # As texts: 1 and 1.0 are equal, and not the same.
        return data if repr(loads(data)) == repr(value) else None
    except (dsl.DocumentError, JsonError):
        return None
