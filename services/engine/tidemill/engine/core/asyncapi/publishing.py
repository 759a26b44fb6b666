"""`call: asyncapi` with a `message`, compiled: a request over HTTP, or a record for a Kafka topic."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from tidemill.dsl.problems import refusal
from tidemill.engine.core.asyncapi.channels import Channel
from tidemill.engine.core.asyncapi.document import PUBLISH
from tidemill.engine.core.asyncapi.servers import Protocol
from tidemill.engine.core.evaluation import Evaluator
from tidemill.engine.core.faults import FAULTS, fault, problem_of
from tidemill.engine.core.referring import members
from tidemill.engine.core.secrets import SecretTexts
from tidemill.expressions import Template
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler

KAFKA_PUBLISH: Final = "kafka.publish"
_HTTP_ACTION: Final = "http"
_CONTENT_TYPE: Final = "content-type"


class AsyncApiPublish:
    """A message for a channel: the arguments are those of an HTTP call, or of a record."""

    __slots__ = ("_channel", "_is_checked", "_message", "_method", "action", "secrets")

    # What does not fit its schema is an error of the run, also where every value is known before.
    is_constant = False

    def __init__(self, given: Mapping[str, Json], pointer: str, compiler: "Compiler") -> None:
        """Raises DocumentError, for a message too that is known and does not fit."""
        self.secrets = SecretTexts()
        self._channel = Channel(given, PUBLISH, pointer, secrets=self.secrets, compiler=compiler)
        is_http = self._channel.server.protocol is Protocol.HTTP
        self.action = _HTTP_ACTION if is_http else KAFKA_PUBLISH
        binding = members(members(self._channel.found.operation.get("bindings")).get("http"))
        self._method = str(binding.get("method", "POST"))
        if not is_http and not _is_json(self._channel.messages.content_type):
            content_type = self._channel.messages.content_type
            raise refusal(f"its messages are `{content_type:.80}`, and records can be JSON alone", pointer)
        message = members(given.get("message"))
        place = f"{pointer}/message"
        plain = SecretTexts().take_out(dict(message))
        # What is a secret is not known here, so nobody can say whether it fits.
        self._is_checked = plain == message
        taken = {
            name: self.secrets.take_out(message[name], target)
            for name, target in (("payload", "/body" if is_http else "/payload"), ("headers", "/headers"))
            if name in message
        }
        self._message: Template = compiler.template(taken, place)
        if self._message.constant and self._is_checked:
            self._refuse_unfit(place)

    def _refuse_unfit(self, pointer: str) -> None:
        try:
            self._check(members(Evaluator(0, 0).evaluate(self._message, None, {})))
        except FAULTS as error:
            raise refusal(problem_of(error).detail, pointer) from None

    def _check(self, message: Mapping[str, Json]) -> None:
        self._channel.messages.check(message.get("payload"), message.get("headers", {}))

    def arguments(self, evaluator: Evaluator, value: Json, variables: Mapping[str, Json]) -> Json:
        """The arguments for a transformed input. May raise one of FAULTS."""
        message = members(evaluator.evaluate(self._message, value, variables))
        if self._is_checked:
            self._check(message)
        headers = message.get("headers", {})
        if not isinstance(headers, dict):
            raise fault("validation", "the headers of the message must be an object")
        payload = message.get("payload")
        if self.action == KAFKA_PUBLISH:
            brokers = self._channel.brokers(evaluator, value, variables)
            return {**brokers, "payload": payload, "headers": self._typed(headers)}
        return self._request(payload, headers, self._channel.endpoint(evaluator, value, variables))

    def _typed(self, headers: dict[str, Json]) -> dict[str, Json]:
        """The headers with the content type, unless the author says another."""
        if any(name.lower() == _CONTENT_TYPE for name in headers):
            return headers
        return {_CONTENT_TYPE: self._channel.messages.content_type, **headers}

    def _request(self, payload: Json, headers: dict[str, Json], endpoint: Json) -> Json:
        arguments: dict[str, Json] = {"method": self._method, "endpoint": endpoint}
        if payload is not None:
            arguments["body"] = payload
            headers = self._typed(headers)
        if headers:
            arguments["headers"] = headers
        return arguments


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")
