"""One call of a subscription: it takes messages from a position on, and waits while there are none."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from tidemill.dsl.problems import refusal
from tidemill.engine.core.asyncapi.channels import Channel
from tidemill.engine.core.asyncapi.consumption import Consumption
from tidemill.engine.core.asyncapi.document import SUBSCRIBE
from tidemill.engine.core.asyncapi.filters import MessageFilter
from tidemill.engine.core.asyncapi.rounds import last_round
from tidemill.engine.core.asyncapi.servers import Protocol
from tidemill.engine.core.entry import Entry
from tidemill.engine.core.events import ActionRequested
from tidemill.engine.core.keys import idempotency_key
from tidemill.engine.core.lifecycle import variables_inside
from tidemill.engine.core.node import Place, TaskNode
from tidemill.engine.core.referring import members
from tidemill.engine.core.secrets import SecretTexts
from tidemill.engine.core.tasks.call import ActionNode
from tidemill.engine.core.views import FrameView
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn

KAFKA_RECEIVE: Final = "kafka.receive"
WS_RECEIVE: Final = "ws.receive"


class ReceiveNode(ActionNode):
    """Its output is what came, and the position behind it.

    Without a position, as before the first call has ended, the call finds the messages that were sent since
    the subscription began, by their times, and notes that under the subscription's own name: so whoever
    makes it again, as a retry does, finds the same ones.
    """

    __slots__ = ("_around", "_channel", "_consumption", "_filter", "_is_one_by_one", "_secrets")

    def __init__(
        self,
        place: Place,
        definition: dict[str, Json],
        compiler: "Compiler",
        *,
        around: TaskNode,
        consumption: Consumption,
    ) -> None:
        """`definition` is that of the whole task. Raises DocumentError."""
        super().__init__(place, {}, compiler)
        self._around = around
        self._consumption = consumption
        self._secrets = SecretTexts()
        pointer = f"{around.reference}/with"
        given = members(definition.get("with"))
        subscription = members(given.get("subscription"))
        self._channel = Channel(given, SUBSCRIBE, pointer, secrets=self._secrets, compiler=compiler)
        if self._channel.server.protocol is Protocol.WS and not consumption.amount:
            raise refusal(
                "over ws one connection takes all messages, which nobody keeps: `consume` needs an `amount`",
                f"{pointer}/subscription/consume",
            )
        self._filter = MessageFilter(subscription.get("filter"), f"{pointer}/subscription/filter", compiler)
        # What a round makes of the context may change what the next message has to be.
        exports = "export" in members(subscription.get("foreach"))
        self._is_one_by_one = exports and self._filter.asks_for("context")

    def request(self, turn: "Turn", entry: Entry) -> ActionRequested:
        node, frame = self._around, turn.state.frames[self._around.reference]
        variables = variables_inside(turn, node, frame)
        value = node.transformed_input(frame).value
        if self._channel.server.protocol is Protocol.WS:
            action, arguments = WS_RECEIVE, self._channel.endpoint(turn, value, variables)
        else:
            action, arguments = KAFKA_RECEIVE, self._channel.brokers(turn, value, variables)
            arguments |= self._from(turn, frame)
        arguments["contentType"] = self._channel.messages.content_type
        if self._channel.messages.correlation:
            arguments["correlation"] = self._channel.messages.correlation
        arguments |= self._limits(frame)
        ends_at_us = self._consumption.ends_at_us(turn, node, frame)
        if ends_at_us:
            arguments["untilUs"] = ends_at_us
        if (asked := self._filter.as_json(turn, variables)) is not None:
            arguments["filter"] = asked
        secrets = self._secrets.uses(turn, value, variables)
        return ActionRequested(action, turn.payload(arguments), secrets)

    def _from(self, turn: "Turn", frame: FrameView) -> Mapping[str, Json]:
        name = idempotency_key(turn.state.execution_id, frame.reference, frame.activations)
        last = last_round(frame)
        begin: dict[str, Json] = (
            {"sinceUs": frame.started_at_us} if last is None else {"position": last.position}
        )
        return {"subscription": name, **begin}

    def _limits(self, frame: FrameView) -> Mapping[str, Json]:
        if self._is_one_by_one and self._channel.server.protocol is not Protocol.WS:
            return {"max": 1}
        last = last_round(frame)
        taken = 0 if last is None else last.count
        return {"max": self._consumption.amount - taken} if self._consumption.amount else {}
