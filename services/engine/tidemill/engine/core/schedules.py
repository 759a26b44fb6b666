"""A schedule is an execution: the internal plan that waits for times or events, and starts the workflow."""

from collections.abc import Mapping
from typing import Final

from tidemill.engine.core.compiler import members
from tidemill.engine.core.plan import Plan, compile_plan
from tidemill.engine.core.settings import CoreSettings
from tidemill.engine.core.tasks.fire_times import FireTimesNode
from tidemill.engine.core.tasks.registry import KINDS, Kinds
from tidemill.engine.core.tasks.start import EventStartNode, FireStartNode
from tidemill.engine.core.timezones import zone_name
from tidemill.events.listens import ordering_key_of, starts_in_engine
from tidemill.json import Json

_KINDS: Final[Kinds] = {
    **KINDS,
    "fireTimes": FireTimesNode,
    "startAtFire": FireStartNode,
    "startOnEvents": EventStartNode,
}


def trigger_plan(document: Mapping[str, Json], *, digest: bytes, settings: CoreSettings) -> Plan | None:
    """The plan of a definition's schedule; None where there is none, or no memory of events is needed for it.

    The document has passed its checks. An error inside, as an ordering key that fails, is caught, stands in
    the history, and the schedule goes on. Raises DocumentError.
    """
    tasks = _tasks(document)
    if tasks is None:
        return None
    header = members(document["document"])
    own: dict[str, Json] = {
        "document": {name: header[name] for name in ("dsl", "namespace", "name", "version")},
        "do": tasks,
    }
    return compile_plan(own, digest=digest, settings=settings, kinds=_KINDS)


def _tasks(document: Mapping[str, Json]) -> list[Json] | None:
    schedule = members(document.get("schedule"))
    for trigger in ("every", "cron"):
        if trigger in schedule:
            return _by_time(document, trigger, schedule[trigger])
    if "after" in schedule:
        return _after_each(document, schedule["after"])
    if "on" in schedule and starts_in_engine(members(schedule["on"])):
        return _on_events(document, schedule)
    return None


def _by_time(document: Mapping[str, Json], trigger: str, given: Json) -> list[Json]:
    policies = members(members(members(document["document"]).get("metadata")).get("tidemill"))
    times: Json = {
        trigger: given,
        "timezone": zone_name(document),
        "missedFires": policies.get("missedFires"),
    }
    # Nothing in it can fail, so that nothing has to be caught.
    one: Json = {"one": {"startAtFire": trigger}}
    return [
        {"due": {"fireTimes": times}},
        {"start": {"for": {"each": "fire", "in": ".fires"}, "do": [one], "then": "due"}},
    ]


def _after_each(document: Mapping[str, Json], pause: Json) -> list[Json]:
    header = members(document["document"])
    workflow: Json = {name: header[name] for name in ("namespace", "name", "version")}
    start = _guarded({"run": {"workflow": workflow}, "output": {"as": "{}"}})
    return [{"start": start}, {"pause": {"wait": pause, "then": "start"}}]


def _on_events(document: Mapping[str, Json], schedule: Mapping[str, Json]) -> list[Json]:
    given: dict[str, Json] = {"read": schedule.get("read")}
    if ordering_key := ordering_key_of(document):
        given["orderingKey"] = ordering_key
    # An `until` may come before any event: then there is nothing to start.
    start = _guarded({"startOnEvents": given, "if": ". != []"})
    return [
        {"hear": {"listen": {"to": schedule["on"], "read": "envelope"}}},
        {"start": {**start, "then": "hear"}},
    ]


def _guarded(task: dict[str, Json]) -> dict[str, Json]:
    """A task whose errors end with it."""
    return {"try": [{"begin": task}], "catch": {}}
