"""The actions `kafka.publish` and `kafka.receive`: their clients come with the first call."""

import asyncio
from typing import TYPE_CHECKING, Final

from tidemill.action_kit import EffectClass
from tidemill.actions.adapters.asyncapi.hosts import parse_hosts
from tidemill.actions.adapters.asyncapi.limits import KafkaLimits
from tidemill.actions.adapters.loaded import LoadedOnce
from tidemill.actions.core.model import Call, Outcome
from tidemill.actions.registry import Action, ActionSpec
from tidemill.clock import Clock, SystemClock

if TYPE_CHECKING:
    from tidemill.actions.adapters.asyncapi.calls import KafkaCalls

KAFKA: Final = "kafka"
# Calls that wait for messages, over whatever protocol.
SUBSCRIPTIONS: Final = "subscriptions"
# What a call of a subscription may take beside the time for which it waits.
_SLACK_US: Final = 10_000_000


class KafkaActions:
    """Publishes to Kafka topics, and subscribes to them."""

    def __init__(
        self, limits: KafkaLimits, *, hosts: str = "", roots: str = "", clock: Clock | None = None
    ) -> None:
        """`hosts` says where brokers are, see `parse_hosts`; `roots` is a file of authorities, in PEM.

        Raises InvalidRequestError.
        """
        self._limits = limits
        self._hosts = parse_hosts(hosts)
        self._roots = roots
        self._clock = clock or SystemClock()
        self._calls = LoadedOnce(self._open)

    @property
    def actions(self) -> list[Action]:
        """The actions `kafka.publish` and `kafka.receive`."""
        limits = self._limits
        publish = ActionSpec(
            name="kafka.publish",
            effect_class=EffectClass.ONCE,
            timeout_us=limits.timeout_us,
            rate_group=KAFKA,
            description="Publishes a record to a Kafka topic, with the idempotency key among its headers.",
        )
        receive = ActionSpec(
            name="kafka.receive",
            # Its arguments say where it begins: whoever runs it again finds the same, and nothing changes.
            effect_class=EffectClass.PURE,
            timeout_us=limits.wait_us + limits.timeout_us + _SLACK_US,
            rate_group=SUBSCRIPTIONS,
            description="Takes messages of a Kafka topic from a position on, and waits while there are none.",
        )
        return [Action(publish, self._publish), Action(receive, self._receive)]

    async def close(self) -> None:
        """Close the clients, if there ever were any."""
        if self._calls.made is not None:
            await self._calls.made.close()

    async def _publish(self, call: Call) -> Outcome:
        return await (await self._calls.get()).publish(call)

    async def _receive(self, call: Call) -> Outcome:
        return await (await self._calls.get()).receive(call)

    async def _open(self) -> "KafkaCalls":
        await asyncio.to_thread(_load)
        return _make(self._limits, self._hosts, self._roots, self._clock)


def _load() -> None:
    import tidemill.actions.adapters.asyncapi.calls  # noqa: F401


def _make(limits: KafkaLimits, hosts: dict[str, str], roots: str, clock: Clock) -> "KafkaCalls":
    from tidemill.actions.adapters.asyncapi.calls import KafkaCalls

    return KafkaCalls(limits, hosts, roots, clock)
