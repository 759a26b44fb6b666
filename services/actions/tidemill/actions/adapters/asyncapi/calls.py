"""Calls over Kafka: the clients, and every way in which a call can go wrong made a problem."""

from collections.abc import Awaitable, Mapping

from aiokafka.errors import KafkaError

from tidemill.actions.adapters.asyncapi.arguments import parse_receiving, parse_record
from tidemill.actions.adapters.asyncapi.brokers import Brokers
from tidemill.actions.adapters.asyncapi.consumers import Consumers
from tidemill.actions.adapters.asyncapi.limits import KafkaLimits
from tidemill.actions.adapters.asyncapi.problems import AsyncApiError, problem_of
from tidemill.actions.adapters.asyncapi.publishing import Producers
from tidemill.actions.adapters.asyncapi.receiving import Receiver
from tidemill.actions.core.model import ActionState, Call, Outcome
from tidemill.actions.core.problems import failed
from tidemill.clock import Clock
from tidemill.json import Json, dumps


class KafkaCalls:
    """Calls over Kafka."""

    def __init__(self, limits: KafkaLimits, hosts: Mapping[str, str], roots: str, clock: Clock) -> None:
        brokers = Brokers(limits, hosts, roots)
        self.producers = Producers(brokers, limits)
        self.consumers = Consumers(brokers, limits)
        self._receiver = Receiver(self.consumers, limits, clock)

    async def publish(self, call: Call) -> Outcome:
        """Publish a record; those of one execution go to one partition, in their order."""
        try:
            record = parse_record(call.arguments, call.key)
        except AsyncApiError as error:
            return failed(error.problem)
        what = f"publishing to {record.topic} at {record.cluster.text}"
        return await _outcome(self.producers.publish(record, call.execution_id), what)

    async def receive(self, call: Call) -> Outcome:
        """Take messages."""
        try:
            receiving = parse_receiving(call.arguments)
        except AsyncApiError as error:
            return failed(error.problem)
        what = f"subscribing to {receiving.topic} at {receiving.cluster.text}"
        return await _outcome(self._receiver.receive(receiving), what)

    async def close(self) -> None:
        """Close the clients."""
        await self.producers.close()
        await self.consumers.close()


async def _outcome(work: Awaitable[dict[str, Json]], what: str) -> Outcome:
    try:
        return Outcome(ActionState.SUCCEEDED, dumps(await work))
    except AsyncApiError as error:
        return failed(error.problem)
    except (KafkaError, OSError, TimeoutError) as error:
        return failed(problem_of(error, what))
