"""`stopOn` of a document: events that end the execution, with a reason."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from tidemill.engine.core.compiler import members
from tidemill.engine.core.events import EventReceived, ExecutionCancelled, Subscription
from tidemill.engine.core.hearing import HeardFilter, reaches
from tidemill.engine.core.keys import stop_name
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.variables import NO_VARIABLES
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.evaluation import Formula
    from tidemill.engine.core.turn import Turn

_PLACE = "/document/metadata/tidemill/stopOn"


class StopFilters:
    """The filters of `stopOn`: they know no variables, for they stand outside of every task."""

    __slots__ = ("_reasons", "filters")

    def __init__(self, document: Mapping[str, Json], compiler: "Compiler") -> None:
        header = members(document.get("document"))
        given = members(members(header.get("metadata")).get("tidemill")).get("stopOn")
        listed = [members(item) for item in given] if isinstance(given, list) else []
        self.filters = [
            HeardFilter({"with": item.get("with")}, f"{_PLACE}/{index}", compiler)
            for index, item in enumerate(listed)
        ]
        self._reasons = [str(item.get("reason", "")) for item in listed]

    def subscriptions(
        self, namespace: str, subject: str, *, since_us: int, retries: int = 0
    ) -> tuple[Subscription, ...]:
        """The waits of an execution, begun anew by each of an operator's retries."""
        return tuple(
            Subscription(
                stop_name(retries, index), index, event_filter.lane(namespace, subject), b"", None, since_us
            )
            for index, event_filter in enumerate(self.filters)
        )

    def hear(self, turn: "Turn", event: Payload) -> bool:
        """End the execution if an event that a wait of any kind has brought is one that ends it."""
        state, envelope = turn.state, event.value
        assert isinstance(envelope, dict)
        for index, event_filter in enumerate(self.filters):
            if stop_name(state.retries, index) not in state.subscriptions:
                continue
            if not event_filter.passes(envelope, partial(_evaluate, turn)):
                continue
            if reaches(turn, event_filter, envelope):
                turn.record(EventReceived("", index, event))
                reason = self._reasons[index] or f"stopped by an event of the type {envelope.get('type')}"
                turn.record(ExecutionCancelled(reason))
                return True
        return False


def _evaluate(turn: "Turn", formula: "Formula", value: Json) -> Json:
    return turn.evaluate(formula, value, NO_VARIABLES)
