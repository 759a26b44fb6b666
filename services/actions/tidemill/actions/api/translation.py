"""Between the contract's messages and the service's own words."""

from tidemill.action_kit import EffectClass
from tidemill.actions.core.model import Answer, Call, Cancellation, Completed, Problem, SecretPath, SecretUse
from tidemill.actions.registry import ActionSpec
from tidemill.api.actions.v1 import action_service_pb2 as pb
from tidemill.api.errors.v1 import problem_pb2
from tidemill.api.events.v1 import secret_pb2
from tidemill.errors import duration_of_us

_EFFECT_CLASSES = {
    EffectClass.PURE: pb.EFFECT_CLASS_PURE,
    EffectClass.IDEMPOTENT: pb.EFFECT_CLASS_IDEMPOTENT,
    EffectClass.ONCE: pb.EFFECT_CLASS_ONCE,
    EffectClass.AT_MOST_ONCE: pb.EFFECT_CLASS_AT_MOST_ONCE,
}


def call_of(message: pb.ActionCall) -> Call:
    """The call that the engine asks for."""
    return Call(
        message.key,
        message.attempt,
        message.namespace,
        message.execution_id,
        message.task_reference,
        message.action,
        message.arguments.data,
        message.shard,
        message.epoch,
        message.dispatch_before_us,
        message.timeout_us,
        message.traceparent,
        tuple(map(_secret_use, message.secrets)) if message.secrets else (),
    )


def _secret_use(message: secret_pb2.SecretUse) -> SecretUse:
    return SecretUse(message.pointer, tuple(map(_secret_part, message.parts)))


def _secret_part(message: secret_pb2.SecretPart) -> str | SecretPath:
    if message.WhichOneof("kind") == "secret":
        return SecretPath(message.secret.name, tuple(message.secret.keys))
    return message.text


def cancellation_of(message: pb.ActionCancellation) -> Cancellation:
    """The cancellation that the engine asks for."""
    return Cancellation(message.key, message.attempt)


def write_result(response: pb.ExecuteResponse, answer: Answer) -> int:
    """Add the answer to a message; returns its size in bytes."""
    result = response.results.add(key=answer.key, attempt=answer.attempt)
    if not isinstance(answer, Completed):
        result.delivery_failure = answer.failure  # type: ignore[assignment]  # the numbers are the contract's
        result.delivery_detail = answer.detail
        return result.ByteSize()
    outcome = answer.outcome
    result.state = outcome.state  # type: ignore[assignment]  # the numbers are the contract's
    if outcome.output is not None:
        result.output.data = outcome.output
        result.output.SetInParent()
    if outcome.error is not None:
        result.error.CopyFrom(_problem(outcome.error))
    if answer.from_record:
        result.from_record = True
    return result.ByteSize()


def _problem(problem: Problem) -> problem_pb2.Problem:
    return problem_pb2.Problem(
        type=problem.type, status=problem.status, title=problem.title, detail=problem.detail
    )


def action_of(spec: ActionSpec) -> pb.Action:
    """The description of an action as a message."""
    return pb.Action(
        name=spec.name,
        version=spec.version,
        effect_class=_EFFECT_CLASSES[spec.effect_class],
        timeout=duration_of_us(spec.timeout_us),
        input_schema=spec.input_schema,
        output_schema=spec.output_schema,
        description=spec.description,
    )
