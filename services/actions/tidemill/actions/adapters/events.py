"""The action `events.publish`: hands CloudEvents to the Triggers service, many in one request."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final

import grpc

from tidemill.action_kit import EffectClass
from tidemill.actions.core.model import ActionState, Call, Outcome
from tidemill.actions.core.problems import failed, runtime_problem, validation_problem
from tidemill.actions.registry import Action, ActionSpec, NotDeliveredError
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.api.events.v1.payload_pb2 import CloudEvent
from tidemill.api.triggers.v1 import event_service_pb2 as pb
from tidemill.api.triggers.v1.event_service_pb2_grpc import EventServiceStub
from tidemill.errors import TidemillError, from_item_error
from tidemill.json import Json, JsonError, dumps, loads
from tidemill.rpc import from_rpc_error
from tidemill.rpc.repeating import first_reached

EVENTS_PUBLISH: Final = "events.publish"
_US_PER_SECOND: Final = 1_000_000
# What the event itself is at fault for; sending it again cannot help.
_PERMANENT: Final = frozenset(
    {
        reasons.ERROR_REASON_INVALID_REQUEST,
        reasons.ERROR_REASON_INVALID_PAYLOAD,
        reasons.ERROR_REASON_TOO_LARGE,
    }
)
_STRINGS: Final = {
    "id": "id",
    "source": "source",
    "type": "type",
    "subject": "subject",
    "time": "time",
    "datacontenttype": "data_content_type",
    "dataschema": "data_schema",
}


@dataclass(slots=True)
class _Waiting:
    event: CloudEvent
    answer: asyncio.Future[None]


class EventPublisher:
    """Sends what waits, one request a namespace; what comes meanwhile goes with the next round."""

    def __init__(
        self, channel: grpc.aio.Channel, *, timeout_us: int, batch_max: int, services: int = 1
    ) -> None:
        self.wake = asyncio.Event()
        self._stub = EventServiceStub(channel)
        self._timeout_us = timeout_us
        self._batch_max = batch_max
        self._services = services
        self._waiting: dict[str, list[_Waiting]] = {}

    @property
    def action(self) -> Action:
        """The action `events.publish`."""
        spec = ActionSpec(
            name=EVENTS_PUBLISH,
            effect_class=EffectClass.ONCE,
            timeout_us=self._timeout_us,
            rate_group=EVENTS_PUBLISH,
            description="Publishes a CloudEvent, given in the JSON format; answers with the event.",
        )
        return Action(spec, self.run)

    async def run(self, call: Call) -> Outcome:
        """Publish the event in the arguments. Raises NotDeliveredError when Triggers cannot take it now."""
        try:
            event = event_of(loads(call.arguments, field="event"), call.key)
        except (JsonError, ValueError) as error:
            return failed(validation_problem(str(error)))
        waiting = _Waiting(event, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(call.namespace, []).append(waiting)
        self.wake.set()
        try:
            await waiting.answer
        except TidemillError as error:
            return _refused(error)
        return Outcome(ActionState.SUCCEEDED, call.arguments)

    async def run_once(self) -> bool:
        """Send all that waits; answers whether there was anything."""
        waiting, self._waiting = self._waiting, {}
        batches = [
            (namespace, items[start : start + self._batch_max])
            for namespace, items in waiting.items()
            for start in range(0, len(items), self._batch_max)
        ]
        await asyncio.gather(*(self._publish(namespace, items) for namespace, items in batches))
        return bool(batches)

    async def _publish(self, namespace: str, items: list[_Waiting]) -> None:
        request = pb.PublishEventsRequest(namespace=namespace, events=[item.event for item in items])
        try:
            # Who takes it twice knows it by its id.
            response = await first_reached(lambda: self._call(request), self._services)
        except grpc.aio.AioRpcError as error:
            await self._failed(namespace, items, from_rpc_error(error))
            return
        for item, outcome in zip(items, response.outcomes, strict=True):
            _resolve(item, from_item_error(outcome.error) if outcome.HasField("error") else None)

    def _call(self, request: pb.PublishEventsRequest) -> Awaitable[pb.PublishEventsResponse]:
        return self._stub.PublishEvents(request, timeout=self._timeout_us / _US_PER_SECOND)

    async def _failed(self, namespace: str, items: list[_Waiting], error: TidemillError) -> None:
        """A refused request may hold one bad event among good ones: each is tried alone then."""
        if error.reason in _PERMANENT and len(items) > 1:
            await asyncio.gather(*(self._publish(namespace, [item]) for item in items))
            return
        for item in items:
            _resolve(item, error)


def _resolve(item: _Waiting, error: TidemillError | None) -> None:
    if item.answer.done():
        return
    if error is None:
        item.answer.set_result(None)
    else:
        item.answer.set_exception(error)


def _refused(error: TidemillError) -> Outcome:
    if error.reason in _PERMANENT:
        return failed(validation_problem(f"Triggers refuses the event: {error.message}"))
    if error.reason == reasons.ERROR_REASON_INTERNAL:
        return failed(runtime_problem(f"Triggers failed: {error.message}"))
    raise NotDeliveredError(f"Triggers cannot take the event: {error.message}") from error


def event_of(value: Json, key: str) -> CloudEvent:
    """Read a CloudEvent of the JSON format; one without an id gets the idempotency key. Raises ValueError."""
    if not isinstance(value, dict):
        raise ValueError("the event must be an object")
    event = CloudEvent(id=key)
    for name, item in value.items():
        _set(event, name, item)
    if not event.source or not event.type:
        raise ValueError("the event needs a source and a type")
    return event


def _set(event: CloudEvent, name: str, value: Json) -> None:
    if name == "data":
        event.data = dumps(value)
    elif value is None:
        return
    elif name in _STRINGS:
        if not isinstance(value, str):
            raise ValueError(f"the event's {name} must be a string")
        setattr(event, _STRINGS[name], value)
    elif name == "specversion":
        if value != "1.0":
            raise ValueError("the event's specversion must be 1.0")
    elif name == "data_base64" or not isinstance(value, str | int | bool):
        raise ValueError(f"the event's {name} cannot be published")
    else:
        event.extensions[name] = value if isinstance(value, str) else dumps(value).decode()
