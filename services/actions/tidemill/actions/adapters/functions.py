"""Functions of authors as actions: arguments and outputs checked, errors made problems."""

from collections.abc import Awaitable, Callable, Mapping
from typing import cast

import jsonschema_rs

from tidemill.action_kit import ActionContext, ActionError, EffectClass, FunctionAction, Schema
from tidemill.actions.adapters.threads import Threads
from tidemill.actions.core.model import ActionState, Call, Outcome
from tidemill.actions.core.problems import failed, problem_of, runtime_problem, validation_problem
from tidemill.actions.registry import Action, ActionSpec, RunCall
from tidemill.json import Json, JsonError, dumps, dumps_canonical, loads

_SYNCHRONOUS = Callable[[Json, ActionContext], Json]
_ASYNCHRONOUS = Callable[[Json, ActionContext], Awaitable[Json]]


class InvalidSchemaError(ValueError):
    """An action declares a schema that is none."""


def function_action(declared: FunctionAction, threads: Threads) -> Action:
    """Make a declared function an action of this service; raises InvalidSchemaError."""
    function = _Function(declared)
    if declared.inline:
        return Action(_spec(declared), _later(function), function.run_inline)
    run = function.run_async if declared.is_async else function.run_in(threads)
    return Action(_spec(declared), run)


def _later(function: "_Function") -> RunCall:
    async def run(call: Call) -> Outcome:
        return function.run_inline(call)

    return run


class _Function:
    """One declared function with its compiled schemas."""

    def __init__(self, declared: FunctionAction) -> None:
        self._declared = declared
        self._input = _Schema(declared, "input", declared.input_schema)
        self._output = _Schema(declared, "output", declared.output_schema)

    def run_inline(self, call: Call) -> Outcome:
        """Run a plain function right here."""
        function = cast(_SYNCHRONOUS, self._declared.function)
        try:
            return self._output_of(function(self._arguments(call), _context(call)))
        except (Exception, SystemExit) as error:
            return _failure(error)

    async def run_async(self, call: Call) -> Outcome:
        """Run an `async def` function."""
        function = cast(_ASYNCHRONOUS, self._declared.function)
        try:
            return self._output_of(await function(self._arguments(call), _context(call)))
        except TimeoutError:
            # Whether it is the function's own or its time limit only the caller can tell.
            raise
        except (Exception, SystemExit) as error:
            return _failure(error)

    def run_in(self, threads: Threads) -> RunCall:
        """Run a plain function in a thread."""

        async def run(call: Call) -> Outcome:
            return await threads.run(lambda: self.run_inline(call))

        return run

    def _arguments(self, call: Call) -> Json:
        arguments = loads(call.arguments, field="arguments") if call.arguments else None
        self._input.check(arguments)
        return arguments

    def _output_of(self, value: Json) -> Outcome:
        self._output.check(value)
        return Outcome(ActionState.SUCCEEDED, _encoded(value, self._declared.full_name))


class _ViolationError(Exception):
    """Arguments or an output do not follow their schema."""


class _Schema:
    """A compiled schema; without one everything passes."""

    def __init__(self, declared: FunctionAction, side: str, schema: Schema | None) -> None:
        self._what = f"the {side} of {declared.full_name}"
        try:
            self._validator = (
                None if schema is None else jsonschema_rs.validator_for(_shape(declared, side, schema))
            )
        except ValueError as error:
            raise InvalidSchemaError(f"the {side} schema of {declared.full_name} is none: {error}") from error

    def check(self, value: Json) -> None:
        """Raises _ViolationError that names the first violation."""
        if self._validator is None:
            return
        try:
            self._validator.validate(value)
        except jsonschema_rs.ValidationError as error:
            pointer = "".join(f"/{step}" for step in error.instance_path)
            raise _ViolationError(
                f"{self._what}{f' at {pointer}' if pointer else ''}: {error.message}"
            ) from None


def _shape(declared: FunctionAction, side: str, schema: object) -> dict[str, object] | bool:
    if isinstance(schema, Mapping):
        return dict(schema)
    if not isinstance(schema, bool):
        raise InvalidSchemaError(f"the {side} schema of {declared.full_name} must be an object or a boolean")
    return schema


def _encoded(value: Json, full_name: str) -> bytes:
    try:
        return dumps(value)
    except JsonError as error:
        raise _ViolationError(f"the output of {full_name} is not JSON: {error.message}") from None


def _failure(error: Exception | SystemExit) -> Outcome:
    match error:
        case ActionError():
            return failed(problem_of(error))
        case _ViolationError() | JsonError():
            return failed(validation_problem(str(error)))
        case _:
            return failed(runtime_problem(f"{type(error).__name__}: {error}"))


def _context(call: Call) -> ActionContext:
    return ActionContext(call.key, call.attempt, call.namespace, call.execution_id, call.task_reference)


def _spec(declared: FunctionAction) -> ActionSpec:
    name, _, version = declared.full_name.rpartition(":")
    return ActionSpec(
        name=name,
        version=version,
        effect_class=EffectClass(declared.effect_class),
        timeout_us=round(declared.timeout_seconds * 1_000_000),
        rate_group=declared.rate_group,
        input_schema=_schema_bytes(declared.input_schema),
        output_schema=_schema_bytes(declared.output_schema),
        description=declared.description,
    )


def _schema_bytes(schema: Schema | None) -> bytes:
    return b"" if schema is None else dumps_canonical(cast(Json, schema))
