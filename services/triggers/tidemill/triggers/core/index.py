"""The index: which start conditions are in force, and which of them an event meets; and where it is heard."""

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from tidemill.triggers.core.conditions import Alternative, StartCondition
from tidemill.triggers.core.event import Event
from tidemill.triggers.core.routes import Routes

if TYPE_CHECKING:
    from tidemill.events.filters import EventFilter

TriggerKey = tuple[str, str, str]


@dataclass(slots=True, eq=False)
class Trigger:
    """One filter in force, with what has become of it in this process. `key`: namespace, workflow, name."""

    key: TriggerKey
    order: int
    condition: StartCondition
    alternative: Alternative
    listening_since_us: int
    last_match_us: int = 0
    matches: int = 0

    @property
    def place(self) -> tuple[str, int]:
        """Its place among those of its namespace: the order of matches does not depend on arrival."""
        return self.condition.workflow, self.order


@dataclass(slots=True)
class _Workflow:
    """The latest version of a workflow that was seen, and the triggers that it brought."""

    condition: StartCondition
    revision: int
    triggers: list[Trigger] = field(default_factory=list)


class TriggerIndex:
    """The latest versions' start conditions, by namespace and literal event type; all versions' routes."""

    def __init__(self) -> None:
        self.routes = Routes()
        self._typed: dict[tuple[str, str], list[Trigger]] = {}
        # Filters without a literal type: every event of the namespace is tried against them.
        self._untyped: dict[str, list[Trigger]] = {}
        self._workflows: dict[tuple[str, str], _Workflow] = {}

    def __len__(self) -> int:
        return sum(len(workflow.triggers) for workflow in self._workflows.values())

    def put(self, condition: StartCondition, *, revision: int, now_us: int) -> bool:
        """Put a version's condition in force in place of an older version's; False when a later one stands.

        Versions that semver does not order (builds of one version) follow the catalogue's revision.
        """
        key = (condition.namespace, condition.workflow)
        known = self._workflows.get(key)
        if known is not None and (condition.version, revision) <= (known.condition.version, known.revision):
            return False
        if known is not None:
            self._withdraw(known)
        self._workflows[key] = self._enlist(condition, revision, now_us)
        return True

    def match(self, namespace: str, event: Event) -> list[Trigger]:
        """The triggers that the event meets, at most one a workflow, and count the match for each."""
        matched = self._first_matches(namespace, event)
        for trigger in matched:
            trigger.matches += 1
            trigger.last_match_us = event.accepted_at_us
        return matched

    def triggers(self) -> list[Trigger]:
        """All triggers in force, by namespace, workflow and name."""
        workflows = self._workflows.values()
        return sorted((trigger for item in workflows for trigger in item.triggers), key=_KEY)

    def take_over(self, previous: "TriggerIndex") -> None:
        """Keep what `previous` knew of triggers that are the same here: since when, last match, matches."""
        known = {trigger.key: trigger for trigger in previous.triggers()}
        for trigger in self.triggers():
            before = known.get(trigger.key)
            if before is not None and before.condition.version_text == trigger.condition.version_text:
                trigger.listening_since_us = before.listening_since_us
                trigger.last_match_us = before.last_match_us
                trigger.matches = before.matches

    def _first_matches(self, namespace: str, event: Event) -> list[Trigger]:
        matched: list[Trigger] = []
        seen: set[str] = set()
        for trigger in self._candidates(namespace, event.raw.type):
            workflow = trigger.condition.workflow
            if workflow not in seen and _meets(trigger.alternative.filter, event):
                seen.add(workflow)
                matched.append(trigger)
        return matched

    def _candidates(self, namespace: str, event_type: str) -> Iterator[Trigger]:
        yield from self._typed.get((namespace, event_type), ())
        yield from self._untyped.get(namespace, ())

    def _enlist(self, condition: StartCondition, revision: int, now_us: int) -> _Workflow:
        workflow = _Workflow(condition, revision)
        for order, alternative in enumerate(condition.alternatives):
            key = (condition.namespace, condition.workflow, alternative.name)
            trigger = Trigger(key, order, condition, alternative, now_us)
            workflow.triggers.append(trigger)
            insort(self._bucket(trigger), trigger, key=_PLACE)
        return workflow

    def _withdraw(self, workflow: _Workflow) -> None:
        for trigger in workflow.triggers:
            self._bucket(trigger).remove(trigger)

    def _bucket(self, trigger: Trigger) -> list[Trigger]:
        event_type = trigger.alternative.filter.event_type
        if event_type:
            return self._typed.setdefault((trigger.condition.namespace, event_type), [])
        return self._untyped.setdefault(trigger.condition.namespace, [])


def _meets(event_filter: "EventFilter", event: Event) -> bool:
    """Whether an event of the filter's type passes it."""
    return event_filter.asks_type_alone or event_filter.passes(event.envelope(), event.evaluate)


_KEY: Final = attrgetter("key")
_PLACE: Final = attrgetter("place")
