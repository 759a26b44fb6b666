"""The running of one call: its time limit, its cancellation, its span, and what an abrupt end means."""

import asyncio
from contextlib import AbstractContextManager
from dataclasses import replace

from tidemill.action_kit import EffectClass
from tidemill.actions.core.model import CANCELLED, ActionState, Call, Outcome
from tidemill.actions.core.problems import failed, runtime_problem, timeout_problem
from tidemill.actions.core.secrets import FindSecret, SecretError, mask_outcome, put_in
from tidemill.actions.registry import Action, NotDeliveredError, RunInline
from tidemill.telemetry import names
from tidemill.telemetry.logging import get_logger
from tidemill.telemetry.tracing import AttributeValue, Tracing

_log = get_logger(__name__)


class Runner:
    """Runs actions. `timeout_us_max` bounds every call, `output_bytes_max` every output."""

    def __init__(
        self, tracing: Tracing, find_secret: FindSecret, *, timeout_us_max: int, output_bytes_max: int
    ) -> None:
        self._tracing = tracing
        self._find_secret = find_secret
        self._timeout_us_max = timeout_us_max
        self._output_bytes_max = output_bytes_max

    def timeout_us(self, action: Action, call: Call) -> int:
        """How long the call may take: what its task says, else what the action declares."""
        return min(call.timeout_us or action.spec.timeout_us, self._timeout_us_max)

    def run_inline(self, action: Action, call: Call) -> Outcome:
        """Run a quick function here and now. Raises NotDeliveredError."""
        assert action.run_inline is not None, "asked of inline actions alone"
        if call.secrets:
            return self._run_with_secrets(action.run_inline, call)
        if self._tracing.enabled:
            with self._span(call):
                return self._bounded(_run_here(action.run_inline, call))
        return self._bounded(_run_here(action.run_inline, call))

    def _run_with_secrets(self, run_inline: RunInline, call: Call) -> Outcome:
        try:
            call = self._filled(call)
        except SecretError as error:
            return failed(error.problem)
        with self._span(call):
            return mask_outcome(self._bounded(_run_here(run_inline, call)), call.hidden)

    def _filled(self, call: Call) -> Call:
        """The call with its secrets, and with what may be shown nowhere. Raises SecretError."""
        arguments, hidden = put_in(call.arguments, call.secrets, call.namespace, self._find_secret)
        return replace(call, arguments=arguments, secrets=(), hidden=hidden)

    async def run(self, action: Action, call: Call) -> Outcome:
        """Run a call within its time limit. Raises NotDeliveredError and CancelledError."""
        if call.secrets:
            try:
                call = self._filled(call)
            except SecretError as error:
                return failed(error.problem)
        outcome = await self._run(action, call)
        return mask_outcome(outcome, call.hidden) if call.hidden else outcome

    async def _run(self, action: Action, call: Call) -> Outcome:
        timeout_us = self.timeout_us(action, call)
        limit = asyncio.timeout(timeout_us / 1_000_000)
        with self._span(call):
            try:
                async with limit:
                    outcome = await action.run(call)
            except NotDeliveredError:
                raise
            except TimeoutError as error:
                outcome = _timed_out(action, timeout_us) if limit.expired() else _broken(call, error)
            except Exception as error:
                outcome = _broken(call, error)
        return self._bounded(outcome)

    def _bounded(self, outcome: Outcome) -> Outcome:
        if outcome.output is None or len(outcome.output) <= self._output_bytes_max:
            return outcome
        size = len(outcome.output)
        return failed(
            runtime_problem(f"the output of {size} bytes is over output_bytes_max, {self._output_bytes_max}")
        )

    def _span(self, call: Call) -> AbstractContextManager[object]:
        if not self._tracing.enabled:
            return self._tracing.span(names.ACTIONS_CALL)
        attributes: dict[str, AttributeValue] = {
            names.ACTION.name: call.action,
            names.EXECUTION_ID.name: call.execution_id,
            names.TASK_REFERENCE.name: call.task_reference,
            names.ATTEMPT.name: call.attempt,
        }
        return self._tracing.span(names.ACTIONS_CALL, call.traceparent, attributes)


def interrupted(action: Action) -> Outcome:
    """The outcome of a call that was cancelled while it ran."""
    if action.spec.effect_class is EffectClass.AT_MOST_ONCE:
        return Outcome(ActionState.UNKNOWN, error=runtime_problem("the call was cancelled while it ran"))
    return CANCELLED


def _timed_out(action: Action, timeout_us: int) -> Outcome:
    detail = f"{action.spec.full_name} did not answer within {timeout_us / 1_000_000:g} seconds"
    # Without an answer nobody knows whether it took effect; for this class alone that must be said.
    unknown = action.spec.effect_class is EffectClass.AT_MOST_ONCE
    return Outcome(ActionState.UNKNOWN if unknown else ActionState.FAILED, error=timeout_problem(detail))


def _run_here(run_inline: RunInline, call: Call) -> Outcome:
    try:
        return run_inline(call)
    except NotDeliveredError:
        raise
    except Exception as error:
        return _broken(call, error)


def _broken(call: Call, error: Exception) -> Outcome:
    _log.warning(
        "an action raised",
        action=call.action,
        execution_id=call.execution_id,
        attempt=call.attempt,
        # What it says may quote its arguments.
        exc_info=None if call.hidden else error,
    )
    return failed(runtime_problem(f"{type(error).__name__}: {error}"))
