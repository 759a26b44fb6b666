"""The instruments of running calls, bound once."""

from tidemill.actions.core.model import ActionState, Answer, Completed, DeliveryFailure
from tidemill.telemetry import names
from tidemill.telemetry.counting import CounterCell, DistributionCell
from tidemill.telemetry.metrics import Metrics


class Meters:
    """Counts calls by what became of them."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._calls: dict[tuple[str, ActionState], CounterCell] = {}
        self._latencies: dict[str, DistributionCell] = {}
        self._undelivered: dict[DeliveryFailure, CounterCell] = {
            failure: metrics.counter(names.ACTIONS_UNDELIVERED, failure=failure.name.lower())
            for failure in DeliveryFailure
        }
        self.from_record = metrics.counter(names.ACTIONS_RECORD_ANSWERS)
        self.joined = metrics.counter(names.ACTIONS_JOINED)
        self.late = metrics.counter(names.ACTIONS_LATE_OUTCOMES)
        self.batch_size = metrics.distribution(names.ACTIONS_BATCH_SIZE)
        self.in_flight = metrics.gauge(names.ACTIONS_IN_FLIGHT)
        self.queued = metrics.gauge(names.ACTIONS_QUEUED)
        self.settled_waiting = metrics.gauge(names.ACTIONS_SETTLED_WAITING)

    def answered(self, action: str, answer: Answer, latency_us: int) -> None:
        """Count the answer of a registered action's call."""
        if not isinstance(answer, Completed):
            self.undelivered(answer.failure)
            return
        self._calls_of(action, answer.outcome.state).add()
        self._latency_of(action).observe(latency_us / 1_000_000)
        if answer.from_record:
            self.from_record.add()

    def undelivered(self, failure: DeliveryFailure) -> None:
        """Count a call that was not made."""
        self._undelivered[failure].add()

    def _calls_of(self, action: str, state: ActionState) -> CounterCell:
        cell = self._calls.get((action, state))
        if cell is None:
            cell = self._metrics.counter(names.ACTIONS_CALLS, action=action, state=state.name.lower())
            self._calls[action, state] = cell
        return cell

    def _latency_of(self, action: str) -> DistributionCell:
        cell = self._latencies.get(action)
        if cell is None:
            cell = self._latencies[action] = self._metrics.distribution(
                names.ACTIONS_CALL_LATENCY, action=action
            )
        return cell
