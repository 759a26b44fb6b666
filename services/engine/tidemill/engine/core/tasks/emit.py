"""`emit`: publishes an event, through the action `events.publish`."""

from typing import TYPE_CHECKING, Final

from tidemill.engine.core.compiler import is_expression, members
from tidemill.engine.core.entry import Entry
from tidemill.engine.core.events import ActionRequested
from tidemill.engine.core.faults import fault
from tidemill.engine.core.keys import idempotency_key
from tidemill.engine.core.node import Place
from tidemill.engine.core.tasks.call import ActionNode
from tidemill.engine.core.times import rfc3339
from tidemill.engine.core.uri_templates import UriTemplate
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn

PUBLISH_ACTION: Final = "events.publish"


class EmitNode(ActionNode):
    """Its output is the event. The event's id is the idempotency key, so that a repeat is recognised."""

    __slots__ = ("_event", "_source")

    def __init__(self, place: Place, definition: dict[str, Json], compiler: "Compiler") -> None:
        super().__init__(place, definition, compiler)
        event = members(members(definition["emit"]).get("event")).get("with")
        self._event = compiler.template(event, f"{place.reference}/emit/event/with")
        source = members(event).get("source")
        literal = isinstance(source, str) and not is_expression(source)
        self._source = UriTemplate(str(source)) if literal else None

    def request(self, turn: "Turn", entry: Entry) -> ActionRequested:
        given = turn.evaluate(self._event, entry.input.value, entry.variables())
        assert isinstance(given, dict)
        return ActionRequested(PUBLISH_ACTION, turn.payload(self._complete(turn, entry, given)))

    def _complete(self, turn: "Turn", entry: Entry, given: dict[str, Json]) -> dict[str, Json]:
        state = turn.state
        attributes: dict[str, Json] = {
            "id": idempotency_key(state.execution_id, self.reference, entry.activations),
            "specversion": "1.0",
            "source": f"/{state.namespace}/{state.workflow}",
            "type": None,
            "time": rfc3339(turn.now_us),
        }
        attributes.update((name, value) for name, value in given.items() if value is not None)
        if self._source is not None:
            attributes["source"] = self._source.expand(entry.input.value)
        for name in ("id", "source", "type"):
            if not isinstance(attributes[name], str) or not attributes[name]:
                raise fault("expression", f"the {name} of an event must be text")
        return attributes
