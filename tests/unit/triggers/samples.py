"""Documents and events for tests of the Triggers service."""

from typing import TypedDict, Unpack

from tidemill.events.checking import EventLimits
from tidemill.json import Json, dumps
from tidemill.triggers.core.compiling import compile_condition
from tidemill.triggers.core.conditions import StartCondition
from tidemill.triggers.core.event import Event, RawEvent, accept_event
from tidemill.triggers.core.index import TriggerIndex

NAMESPACE = "crm"
NOW_US = 1_700_000_000_000_000
LIMITS = EventLimits(data_bytes_max=1_000, attribute_bytes_max=100, extensions_max=3)


def document(
    on: Json,
    *,
    name: str = "nurture",
    version: str = "1.0.0",
    namespace: str = NAMESPACE,
    read: str | None = None,
    ordering_key: Json = None,
) -> dict[str, Json]:
    """A definition that starts as `on` says; None gives it no schedule."""
    header: dict[str, Json] = {"dsl": "1.0.3", "namespace": namespace, "name": name, "version": version}
    if ordering_key is not None:
        header["metadata"] = {"tidemill": {"orderingKey": ordering_key}}
    schedule: dict[str, Json] = {"on": on}
    if read is not None:
        schedule["read"] = read
    body: dict[str, Json] = {"document": header, "do": [{"nothing": {"set": {"a": 1}}}]}
    return body if on is None else {**body, "schedule": schedule}


def waiting(strategy: Json, *, stops: tuple[Json, ...] = (), **options: Unpack["Options"]) -> dict[str, Json]:
    """A definition that no event starts, and whose one task listens `to` a strategy."""
    made = document(None, **options)
    header = made["document"]
    assert isinstance(header, dict)
    if stops:
        header["metadata"] = {"tidemill": {"stopOn": list(stops)}}
    return {**made, "do": [{"wait": {"listen": {"to": strategy}}}]}


def one(**properties: Json) -> Json:
    """A start by one event."""
    return {"one": {"with": properties}}


def anyof(*filters: dict[str, Json]) -> Json:
    """A start by any of some events."""
    return {"any": [{"with": properties} for properties in filters]}


class Options(TypedDict, total=False):
    """What a document may have besides its start."""

    name: str
    version: str
    namespace: str
    read: str
    ordering_key: Json


class Attributes(TypedDict, total=False):
    """What an event may have besides its type and data."""

    id: str
    source: str
    subject: str
    time: str
    data_content_type: str
    data_schema: str
    extensions: dict[str, str]


def condition(on: Json, **options: Unpack[Options]) -> StartCondition:
    return compile_condition(document(on, **options))


def raw(event_type: str = "lead.created", data: Json = None, **attributes: Unpack[Attributes]) -> RawEvent:
    """An event as it comes; no data unless some is given."""
    given: Attributes = {"id": "1", "source": "/forms", **attributes}
    return RawEvent(type=event_type, data=b"" if data is None else dumps(data), **given)


def event(event_type: str = "lead.created", data: Json = None, **attributes: Unpack[Attributes]) -> Event:
    return accept_event(raw(event_type, data, **attributes), LIMITS, now_us=NOW_US)


def index_of(*conditions: StartCondition) -> TriggerIndex:
    """An index with the conditions in force, seen in this order."""
    index = TriggerIndex()
    for revision, item in enumerate(conditions, 1):
        index.put(item, revision=revision, now_us=NOW_US)
    return index
