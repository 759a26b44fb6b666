"""The instruments of running calls, bound once."""

from tidemill.actions.core.model import ActionState, Answer, Completed, DeliveryFailure
from tidemill.telemetry import names
from tidemill.telemetry.counting import CounterCell
from tidemill.telemetry.metrics import Metrics


class _ActionMeters:
    """One action's instruments: a counter for each state, and the latency."""

    __slots__ = ("by_state", "latency")

    def __init__(self, metrics: Metrics, action: str) -> None:
        self.by_state: dict[int, CounterCell] = {
            state.value: metrics.counter(names.ACTIONS_CALLS, action=action, state=state.name.lower())
            for state in ActionState
        }
        self.latency = metrics.distribution(names.ACTIONS_CALL_LATENCY, action=action)


class Meters:
    """Counts calls by what became of them."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._actions: dict[str, _ActionMeters] = {}
        self._undelivered: dict[DeliveryFailure, CounterCell] = {
            failure: metrics.counter(names.ACTIONS_UNDELIVERED, failure=failure.name.lower())
            for failure in DeliveryFailure
        }
        self.from_record = metrics.counter(names.ACTIONS_RECORD_ANSWERS)
        self.joined = metrics.counter(names.ACTIONS_JOINED)
        self.leases_lost = metrics.counter(names.ACTIONS_LEASES_LOST)
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
        meters = self._actions.get(action)
        if meters is None:
            meters = self._actions[action] = _ActionMeters(self._metrics, action)
        meters.by_state[answer.outcome.state].add()
        meters.latency.observe(latency_us / 1_000_000)
        if answer.from_record:
            self.from_record.add()

    def undelivered(self, failure: DeliveryFailure) -> None:
        """Count a call that was not made."""
        self._undelivered[failure].add()
