"""The arguments of a gRPC call: the resolved `with` of the task, checked and made a value."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tidemill.actions.adapters.grpc_calls.problems import invalid, misconfigured
from tidemill.json import Json, JsonError, loads

# What the DSL has, and longer names of more labels. Nothing that gRPC could read as another kind of target.
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,511}")
TLS_PORT: Final = 443
_PORT_MAX: Final = 65_535


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class GrpcCall:
    """One call. Without a proto, the server is asked what it speaks."""

    host: str
    port: int
    service: str
    method: str
    proto: str | None
    authentication: Json
    arguments: Mapping[str, Json]

    def told(self, reason: str) -> str:
        """The reason with the call that it is about."""
        return f"{self.service}/{self.method} at {self.host}:{self.port}: {reason}"


def parse(arguments: bytes) -> GrpcCall:
    """Read the arguments. Raises GrpcError."""
    try:
        members = _object(loads(arguments, field="arguments"), "the arguments")
    except JsonError as error:
        raise invalid(error.message) from None
    service = _object(members.get("service"), "with.service")
    return GrpcCall(
        host=_host(service.get("host")),
        port=_port(service.get("port")),
        service=_name(service.get("name"), "with.service.name"),
        method=_name(members.get("method"), "with.method"),
        proto=_proto(members.get("proto")),
        authentication=_authentication(service.get("authentication")),
        arguments=_object(members.get("arguments"), "with.arguments"),
    )


def _host(value: Json) -> str:
    if not isinstance(value, str) or not _HOST.fullmatch(value):
        raise misconfigured("with.service.host must be the name or the IPv4 address of a host")
    return value.lower()


def _port(value: Json) -> int:
    if value is None:
        return TLS_PORT
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _PORT_MAX:
        raise misconfigured(f"with.service.port must be a number from 1 to {_PORT_MAX}")
    return value


def _name(value: Json, name: str) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise misconfigured(f"{name} must be a name of the .proto file")
    return value


def _proto(value: Json) -> str | None:
    if value is not None and not isinstance(value, str):
        raise invalid("with.proto must be the text of a .proto file")
    return value


def _authentication(value: Json) -> Json:
    if isinstance(value, dict) and "digest" in value:
        raise misconfigured("gRPC has no `digest` authentication: use basic, bearer, oauth2 or oidc")
    return value


def _object(value: Json, name: str) -> Mapping[str, Json]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"{name} must be an object")
    return value
