"""What publishing counts, times and traces."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tidemill.errors import TidemillError
from tidemill.telemetry import names
from tidemill.telemetry.metrics import Metrics
from tidemill.telemetry.tracing import AttributeValue, Tracing
from tidemill.triggers.core.event import RawEvent
from tidemill.triggers.outcomes import Outcome
from tidemill.triggers.traces import TRACEPARENT, leading, well_formed


class PublishingTelemetry:
    """The publisher's instruments."""

    def __init__(self, metrics: Metrics, tracing: Tracing) -> None:
        self._metrics = metrics
        self._tracing = tracing
        self.received = metrics.counter(names.TRIGGERS_EVENTS_RECEIVED)
        self.matched = metrics.counter(names.TRIGGERS_EVENTS_MATCHED)
        self.latency = metrics.distribution(names.TRIGGERS_PUBLISH_LATENCY)
        self._started = metrics.counter(names.TRIGGERS_EXECUTIONS_STARTED)
        self._repeats = metrics.counter(names.TRIGGERS_REPEATS)
        self._hears = metrics.counter(names.TRIGGERS_HEARS)
        self.failed_keys = metrics.counter(names.TRIGGERS_KEYS_FAILED)

    @contextmanager
    def span(self, namespace: str, events: Sequence[RawEvent], traceparent: str) -> Iterator[str]:
        """A span around a request's events; gives the trace context that their starts carry on.

        The producer's own context, in the events, comes before that of the request which brought them.
        """
        parent = leading(_contexts(events)) or traceparent
        if not self._tracing.enabled:
            yield parent
            return
        attributes: dict[str, AttributeValue] = {
            names.NAMESPACE.name: namespace,
            names.BATCH_SIZE.name: len(events),
        }
        with self._tracing.span(names.TRIGGERS_PUBLISH, parent, attributes):
            yield self._tracing.traceparent()

    def refuse(self, error: TidemillError, events: int = 1) -> None:
        """Count events that were answered with an error."""
        self._metrics.counter(names.TRIGGERS_EVENTS_REFUSED, reason=error.reason_name).add(events)

    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Count what became of a request's events."""
        for outcome in outcomes:
            for execution in outcome.executions:
                (self._started if execution.created else self._repeats).add()
            if outcome.heard:
                self._hears.add(outcome.heard)
            if outcome.error is not None:
                self.refuse(outcome.error)


def _contexts(events: Sequence[RawEvent]) -> Iterator[str]:
    for event in events:
        if event.extensions:
            yield well_formed(event.extensions.get(TRACEPARENT, ""))
