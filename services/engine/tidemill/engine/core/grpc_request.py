"""`call: grpc`, compiled: its `with`, with the text of the .proto file in the place of where it was."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from tidemill.dsl.limits import PROTO_BYTES_MAX
from tidemill.dsl.outside_uris import REFLECTION, resource_uri
from tidemill.dsl.problems import refusal
from tidemill.engine.core.authentications import Authentication
from tidemill.engine.core.compiler import members
from tidemill.engine.core.documents import TextLimit
from tidemill.engine.core.endpoints import policy
from tidemill.engine.core.evaluation import Evaluator
from tidemill.engine.core.secrets import SecretTexts
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler

GRPC_ACTION: Final = "grpc"
# Comments and texts are taken whole, so that what stands in them is no import.
_PARTS: Final = re.compile(
    r"//[^\n]*|/\*.*?(?:\*/|\Z)|\bimport\s+(?:(?:public|weak|option)\s+)?"
    r"""(?:"([^"\n]*)"|'([^'\n]*)')|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'""",
    re.DOTALL,
)
_LIMIT: Final = TextLimit("a .proto file", "PROTO_BYTES_MAX", PROTO_BYTES_MAX)
_WELL_KNOWN: Final = "google/protobuf/"


class GrpcRequest:
    """A call of a method: the arguments are its `with`.

    In it `proto` is the text of the .proto file, or is not there where the server is asked what it speaks.
    """

    __slots__ = ("_authentication", "_others", "_proto", "secrets")

    action = GRPC_ACTION

    def __init__(self, given: Mapping[str, Json], pointer: str, compiler: "Compiler") -> None:
        """Raises DocumentError."""
        self.secrets = SecretTexts()
        self._proto = _proto_text(given.get("proto"), f"{pointer}/proto/endpoint", compiler)
        service = dict(members(given.get("service")))
        authentication = service.pop("authentication", None)
        place = f"{pointer}/service/authentication"
        self._authentication: Authentication | None = None
        if authentication is not None:
            taken = self.secrets.take_out(_policy(authentication, place, compiler), "/service/authentication")
            self._authentication = Authentication(dict(members(taken)), place, compiler)
        others = {name: value for name, value in given.items() if name != "proto"}
        self._others = compiler.template(self.secrets.take_out({**others, "service": service}), pointer)

    @property
    def is_constant(self) -> bool:
        """Whether the arguments are the same for every input."""
        constant = self._others.constant and self.secrets.is_constant
        return constant and (self._authentication is None or self._authentication.is_constant)

    def arguments(self, evaluator: Evaluator, value: Json, variables: Mapping[str, Json]) -> Json:
        """The resolved arguments for a transformed input. May raise one of FAULTS."""
        arguments = dict(members(evaluator.evaluate(self._others, value, variables)))
        if self._authentication is not None:
            resolved = self._authentication.resolve(evaluator, value, variables)
            arguments["service"] = {**members(arguments["service"]), "authentication": resolved}
        if self._proto is not None:
            arguments["proto"] = self._proto
        return arguments


def _policy(authentication: Json, pointer: str, compiler: "Compiler") -> Json:
    resolved = policy(authentication, pointer, compiler)
    if "digest" in resolved:
        raise refusal("gRPC has no `digest` authentication: use basic, bearer, oauth2 or oidc", pointer)
    return resolved


def _proto_text(resource: Json, pointer: str, compiler: "Compiler") -> str | None:
    if resource_uri(resource) == REFLECTION:
        return None
    text = compiler.documents.text(resource, pointer, _LIMIT)
    for name in imports_of(text):
        if not name.startswith(_WELL_KNOWN):
            raise refusal(
                f"{resource_uri(resource)}: it imports {name:.200}; a .proto file can import those of "
                f"{_WELL_KNOWN} alone",
                pointer,
            )
    return text


def imports_of(text: str) -> list[str]:
    """The files that a .proto file imports."""
    found = (match[1] or match[2] for match in _PARTS.finditer(text))
    return [name for name in found if name]
