"""Takes events: checks them, finds what they start and who hears them, and tells each event's outcome."""

from collections.abc import Sequence
from dataclasses import dataclass

from tidemill.api.engine.v1.execution_service_pb2 import SubmitCommand, SubmitResult
from tidemill.clock import Clock
from tidemill.errors import TidemillError, TooLargeError, from_item_error
from tidemill.events.checking import EventLimits
from tidemill.lanes import check_namespace
from tidemill.triggers.catalogue import Catalogue
from tidemill.triggers.commands import cloud_event, hear_command, start_command
from tidemill.triggers.core.event import Event, RawEvent, accept_event
from tidemill.triggers.core.index import Trigger, TriggerIndex
from tidemill.triggers.core.routes import Lane
from tidemill.triggers.core.starts import Start, plan_start
from tidemill.triggers.outcomes import Outcome, Started
from tidemill.triggers.publishing_telemetry import PublishingTelemetry
from tidemill.triggers.submitter import Submitter


@dataclass(frozen=True, slots=True)
class PublishLimits:
    """How much one request may hold, one event may start, and how many lanes it may reach."""

    events_per_request_max: int
    starts_per_event_max: int
    lanes_per_event_max: int
    event: EventLimits


@dataclass(frozen=True, slots=True)
class _Planned:
    """A start, or None for a lane that hears an event, and the outcome that its result belongs to."""

    start: Start | None
    command: SubmitCommand
    outcome: Outcome


class Publisher:
    """Events in, outcomes out; answers only after the Engine has everything on disk."""

    def __init__(
        self,
        catalogue: Catalogue,
        submitter: Submitter,
        *,
        limits: PublishLimits,
        clock: Clock,
        telemetry: PublishingTelemetry,
    ) -> None:
        self._catalogue = catalogue
        self._submitter = submitter
        self._limits = limits
        self._clock = clock
        self._telemetry = telemetry

    async def publish(
        self, namespace: str, events: Sequence[RawEvent], traceparent: str = ""
    ) -> list[Outcome]:
        """One outcome an event, in order.

        Raises TidemillError when nothing of the request was taken for a reason that is not in the events: the
        catalogue is not current, a queue is full, the Engine cannot be reached.
        """
        telemetry = self._telemetry
        started_us = self._clock.monotonic_us()
        telemetry.received.add(len(events))
        try:
            with telemetry.span(namespace, events, traceparent) as carried:
                outcomes = await self._publish(namespace, events, carried)
        except TidemillError as error:
            telemetry.refuse(error, len(events))
            raise
        telemetry.record(outcomes)
        telemetry.latency.observe((self._clock.monotonic_us() - started_us) / 1_000_000)
        return outcomes

    async def _publish(self, namespace: str, events: Sequence[RawEvent], traceparent: str) -> list[Outcome]:
        check_namespace(namespace)
        limit = self._limits.events_per_request_max
        if len(events) > limit:
            raise TooLargeError("events_per_request_max", limit_value=limit, actual=len(events))
        outcomes, planned = self._plan(namespace, events)
        if planned:
            results = await self._submitter.submit([item.command for item in planned], traceparent)
            _assign(planned, results)
            _raise_if_nothing_was_taken(outcomes, results)
        return outcomes

    def _plan(self, namespace: str, events: Sequence[RawEvent]) -> tuple[list[Outcome], list[_Planned]]:
        index = self._catalogue.index()
        outcomes: list[Outcome] = []
        planned: list[_Planned] = []
        now_us = self._clock.now_us()
        for raw in events:
            outcome = Outcome(raw.id)
            outcomes.append(outcome)
            try:
                event = accept_event(raw, self._limits.event, now_us=now_us)
                triggers = self._match(index, namespace, event)
                lanes = self._route(index, namespace, event)
            except TidemillError as error:
                outcome.error = error
                continue
            # Starts come first, so that a lane has them before the event and any later one.
            planned += _plan_starts(namespace, event, triggers, outcome)
            if lanes:
                planned += _plan_hears(namespace, event, lanes, outcome)
        return outcomes, planned

    def _match(self, index: TriggerIndex, namespace: str, event: Event) -> list[Trigger]:
        triggers = index.match(namespace, event)
        if triggers:
            self._telemetry.matched.add()
        limit = self._limits.starts_per_event_max
        if len(triggers) > limit:
            raise TooLargeError("starts_per_event_max", limit_value=limit, actual=len(triggers))
        return triggers

    def _route(self, index: TriggerIndex, namespace: str, event: Event) -> Sequence[Lane]:
        route = index.routes.of(namespace, event)
        if route.failed_keys:
            self._telemetry.failed_keys.add(route.failed_keys)
        limit = self._limits.lanes_per_event_max
        if len(route.lanes) > limit:
            raise TooLargeError("lanes_per_event_max", limit_value=limit, actual=len(route.lanes))
        return route.lanes


def _plan_starts(
    namespace: str, event: Event, triggers: Sequence[Trigger], outcome: Outcome
) -> list[_Planned]:
    """The event's starts; a trigger whose lane cannot be found gives the event its error, others go on."""
    planned: list[_Planned] = []
    for trigger in triggers:
        try:
            start = plan_start(trigger, event)
        except TidemillError as error:
            outcome.error = outcome.error or error
        else:
            planned.append(_Planned(start, start_command(namespace, event, start), outcome))
    return planned


def _plan_hears(namespace: str, event: Event, lanes: Sequence[Lane], outcome: Outcome) -> list[_Planned]:
    message = cloud_event(event.raw)
    return [_Planned(None, hear_command(namespace, message, lane), outcome) for lane in lanes]


def _assign(planned: Sequence[_Planned], results: Sequence[SubmitResult | TidemillError]) -> None:
    for item, result in zip(planned, results, strict=True):
        if isinstance(result, TidemillError):
            item.outcome.error = item.outcome.error or result
        elif result.HasField("error"):
            item.outcome.error = item.outcome.error or from_item_error(result.error)
        elif item.start is None:
            item.outcome.heard += 1
        else:
            started = Started(result.execution_id, item.start.trigger, result.created)
            item.outcome.executions.append(started)


def _raise_if_nothing_was_taken(
    outcomes: Sequence[Outcome], results: Sequence[SubmitResult | TidemillError]
) -> None:
    """Turn the failure of the call into that of the request, which producers know how to repeat."""
    failure = next((result for result in results if isinstance(result, TidemillError)), None)
    if failure is not None and not any(map(_was_taken, outcomes)):
        raise failure


def _was_taken(outcome: Outcome) -> bool:
    """Whether anything of an event was taken."""
    return outcome.error is None or bool(outcome.executions or outcome.heard)
