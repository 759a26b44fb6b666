"""The channel of a call: everything that its document says of it, and how the caller proves who asks."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tidemill.dsl import DocumentError
from tidemill.dsl.problems import refusal
from tidemill.engine.core.asyncapi.document import AsyncApiDocument, Found, find
from tidemill.engine.core.asyncapi.messages import Messages
from tidemill.engine.core.asyncapi.servers import Protocol, Server, channel_address
from tidemill.engine.core.authentications import Authentication
from tidemill.engine.core.endpoints import policy
from tidemill.engine.core.evaluation import Evaluator
from tidemill.engine.core.referring import members
from tidemill.engine.core.secrets import SecretTexts
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler


class Channel:
    """One channel on one server."""

    __slots__ = ("_authentication", "address", "found", "messages", "server")

    def __init__(
        self,
        given: Mapping[str, Json],
        verb: str,
        pointer: str,
        *,
        secrets: SecretTexts,
        compiler: "Compiler",
    ) -> None:
        """`given` is the `with` of the call; `secrets` takes those of its authentication.

        Raises DocumentError.
        """
        document = compiler.documents.read(
            given.get("document"), AsyncApiDocument, f"{pointer}/document/endpoint"
        )
        place = f"{pointer}/operation" if "operation" in given else f"{pointer}/channel"
        try:
            self.found: Found = find(document, given, verb)
            self.address = channel_address(self.found)
            self.messages = Messages(document, self.found)
        except DocumentError as error:
            raise refusal(_with_uri(document.uri, error), place) from None
        self.server = Server(self.found, given, pointer, verb=verb, compiler=compiler)
        self._authentication = self._policy(given.get("authentication"), pointer, secrets, compiler)

    def _policy(
        self, given: Json, pointer: str, secrets: SecretTexts, compiler: "Compiler"
    ) -> Authentication | None:
        if given is None:
            return None
        place = f"{pointer}/authentication"
        resolved = policy(given, place, compiler)
        if self.server.protocol is Protocol.KAFKA and "basic" not in resolved:
            scheme = next(iter(resolved), "none")
            raise refusal(f"kafka has no `{scheme:.40}` authentication: use basic", place)
        if self.server.protocol is Protocol.WS and "digest" in resolved:
            raise refusal("ws has no `digest` authentication: use basic, bearer, oauth2 or oidc", place)
        # Of an HTTP call it is a part of the endpoint.
        is_http = self.server.protocol is Protocol.HTTP
        taken = secrets.take_out(resolved, "/endpoint/authentication" if is_http else "/authentication")
        return Authentication(dict(members(taken)), place, compiler)

    def endpoint(self, evaluator: Evaluator, value: Json, variables: Mapping[str, Json]) -> dict[str, Json]:
        """Where a request goes, and how it proves who asks. May raise one of FAULTS."""
        address = self.address if self.address.startswith("/") else f"/{self.address}"
        uri = f"{self.server.address(evaluator, value, variables)}{address}"
        return {"uri": uri, **self._proof(evaluator, value, variables)}

    def brokers(self, evaluator: Evaluator, value: Json, variables: Mapping[str, Json]) -> dict[str, Json]:
        """Where a topic is, and how its brokers are told who asks. May raise one of FAULTS."""
        address = self.server.address(evaluator, value, variables)
        servers: list[Json] = [one.strip() for one in address.split(",")]
        told: dict[str, Json] = {"servers": servers, "topic": self._topic}
        if self.server.is_secure:
            told["tls"] = True
        proof = self._proof(evaluator, value, variables)
        return {**told, **proof, "mechanism": self.server.mechanism} if proof else told

    def _proof(self, evaluator: Evaluator, value: Json, variables: Mapping[str, Json]) -> dict[str, Json]:
        if self._authentication is None:
            return {}
        return {"authentication": self._authentication.resolve(evaluator, value, variables)}

    @property
    def _topic(self) -> str:
        """The topic of a Kafka channel: its binding says it where it is not the address."""
        channel = members(self.found.bindings.get("kafka"))
        topic = channel.get("topic")
        return topic if isinstance(topic, str) else self.address


def _with_uri(uri: str, error: DocumentError) -> str:
    message = error.problems[0].message
    return message if message.startswith(f"{uri}: ") else f"{uri}: {message}"
