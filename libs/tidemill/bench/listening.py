"""Executions that wait for an event each, and the events."""

from collections.abc import Sequence
from typing import Final

from tidemill.api.events.v1.payload_pb2 import CloudEvent
from tidemill.api.triggers.v1.event_service_pb2 import EventOutcome
from tidemill.bench.loads import in_batches, until_applied
from tidemill.bench.stage import Stage
from tidemill.bench.workflows import NAMESPACE, Workflow
from tidemill.errors import from_item_error
from tidemill.json import Json, dumps

_SOURCE: Final = "/bench"
_BATCH_EVENTS: Final = 100
_BATCHES_IN_FLIGHT: Final = 8
_PUBLISH_SECONDS_MAX: Final = 120.0


class Listeners:
    """Executions of one workflow. Each waits for the event of its subject, or, `by_value`, for the one of all
    of its type that has its number."""

    def __init__(self, name: str, *, by_value: bool = False) -> None:
        self.workflow = _workflow(name, by_value=by_value)
        self._waiting = range(0)

    async def wait(self, stage: Stage, count: int) -> None:
        """Publish the workflow, start so many, and return once all of them wait."""
        await stage.publish(self.workflow)
        self._waiting = range(count)
        starts = [
            self.workflow.start(subject=self._subject(number), more={"number": number})
            for number in self._waiting
        ]
        results = await stage.submit(self.workflow, starts)
        await until_applied(stage.client, self.workflow.name, results)

    async def resume(self, stage: Stage) -> None:
        """Send each its event, some batches in flight at a time; raises TidemillError when one is refused."""

        async def publish(numbers: Sequence[int]) -> list[EventOutcome]:
            events = [self._event(number) for number in numbers]
            stage.journal.expected.events.update({(event.source, event.id): 1 for event in events})
            return await stage.client.events.publish(NAMESPACE, events, seconds=_PUBLISH_SECONDS_MAX)

        outcomes = await in_batches(publish, self._waiting, size=_BATCH_EVENTS, in_flight=_BATCHES_IN_FLIGHT)
        for outcome in outcomes:
            if outcome.HasField("error"):
                raise from_item_error(outcome.error)

    def _event(self, number: int) -> CloudEvent:
        return CloudEvent(
            id=f"{self.workflow.name}-{number}",
            source=_SOURCE,
            type=_type(self.workflow.name),
            subject=self._subject(number),
            data=dumps({"number": number}),
        )

    def _subject(self, number: int) -> str:
        return f"{self.workflow.name}-{number}"


def _workflow(name: str, *, by_value: bool) -> Workflow:
    heard: dict[str, Json] = {"with": {"type": _type(name)}}
    if by_value:
        heard["correlate"] = {"number": {"from": ".data.number", "expect": "${ .number }"}}
    return Workflow(name=name, tasks=[{"hear": {"listen": {"to": {"one": heard}}}}])


def _type(name: str) -> str:
    return f"com.example.{name}"
