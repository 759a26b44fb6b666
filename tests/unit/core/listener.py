"""A driver whose execution hears events as lanes would bring them: by shape and key, early ones too."""

from dataclasses import dataclass
from typing import Final

from tests.unit.core.driver import SECOND_US, Driver, Task, Value, document
from tidemill import lanes
from tidemill.engine.core.commands import Command, DeliverEvent
from tidemill.engine.core.decision import Decision
from tidemill.engine.core.effects import Subscribe
from tidemill.engine.core.events import EventReceived, Subscription
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.settings import CoreSettings
from tidemill.engine.core.tasks.registry import KINDS, Kinds
from tidemill.events.shapes import compile_shape, correlation_key
from tidemill.json import Json

NAMESPACE: Final = "shop"
KEPT_US: Final = 300 * SECOND_US


@dataclass(frozen=True, slots=True)
class Heard:
    """An event in its lanes, and when it came."""

    envelope: dict[str, Json]
    lanes: frozenset[bytes]
    at_us: int


def event(event_type: str, data: Value = None, **attributes: Value) -> dict[str, Json]:
    """An event in the CloudEvents JSON format."""
    envelope: dict[str, Json] = {"specversion": "1.0", "source": "/shop", "type": event_type, **attributes}
    return envelope if data is None else {**envelope, "data": data}


def with_policies(policies: Task) -> Task:
    """The header of a workflow with these policies."""
    header: Value = document()["document"]
    return {**header, "metadata": {"tidemill": policies}}


class Listener(Driver):
    """An execution beside the lanes that it listens to."""

    def __init__(
        self,
        *tasks: Task,
        settings: CoreSettings | None = None,
        kinds: Kinds = KINDS,
        **members: Value,
    ) -> None:
        super().__init__(*tasks, settings=settings, kinds=kinds, **members)
        self.buffer: list[Heard] = []
        self.published = 0

    def publish(self, event_type: str, data: Value = None, **attributes: Value) -> int:
        """An event comes to its lanes; returns how many deliveries were facts for the execution.

        Without an `id` it is another event than all before.
        """
        self.published += 1
        envelope = event(event_type, data, **{"id": f"e{self.published}", **attributes})
        heard = Heard(envelope, _lanes_of(envelope), self.now_us)
        self.buffer.append(heard)
        taken = 0
        for name, (reference, wait) in sorted(self.subscriptions.items()):
            if self._finds(reference, wait, heard):
                taken += bool(self.deliver(name, heard).events)
        return taken

    def deliver(self, name: str, heard: Heard) -> Decision:
        """A lane brings an event, wanted or not."""
        return self.command(DeliverEvent(name, Payload.of(heard.envelope), heard.at_us))

    def command(self, command: Command) -> Decision:
        """Decide a command; the lanes then bring what came just before each wait that has begun."""
        decision = super().command(command)
        for effect in decision.effects:
            if isinstance(effect, Subscribe):
                self._bring_early(effect.reference, effect.subscription)
        return decision

    def _bring_early(self, reference: str, wait: Subscription) -> None:
        for heard in list(self.buffer):
            is_kept = heard.at_us >= max(wait.since_us, self.now_us - KEPT_US)
            if is_kept and self._finds(reference, wait, heard):
                self.deliver(wait.id, heard)

    def _finds(self, reference: str, wait: Subscription, heard: Heard) -> bool:
        shape = compile_shape(self.plan.shape(reference, wait.filter))
        if wait.lane not in heard.lanes or not shape.passes(heard.envelope, self.now_us):
            return False
        if not shape.names:
            return True
        values = shape.values(heard.envelope, self.now_us)
        return values is not None and wait.key in (b"", correlation_key(values))

    def received(self) -> list[tuple[str, int, Json]]:
        """The events taken: the name of the task, the filter, and the data."""
        return [
            (fact.reference.rpartition("/")[2], fact.filter, data_of(fact))
            for fact in self.events
            if isinstance(fact, EventReceived)
        ]


def data_of(fact: EventReceived) -> Json:
    """The data of an event that was taken."""
    assert isinstance(fact.event.value, dict)
    return fact.event.value.get("data")


def _lanes_of(envelope: dict[str, Json]) -> frozenset[bytes]:
    found = {
        lanes.correlation_lane(NAMESPACE, str(envelope["type"])),
        lanes.correlation_lane(NAMESPACE, lanes.ALL_TYPES),
    }
    if subject := envelope.get("subject"):
        found.add(lanes.subject_lane(NAMESPACE, str(subject)))
    return frozenset(found)
