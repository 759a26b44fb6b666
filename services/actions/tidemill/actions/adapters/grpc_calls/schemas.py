"""Services, methods and messages, out of descriptors."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from tidemill.actions.adapters.grpc_calls.problems import misconfigured

_NAMES_TOLD_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class Method:
    """A method that can be called: one message goes out, and one or, where it streams, many come back."""

    path: str
    pool: DescriptorPool
    request: type[Message]
    response: type[Message]
    streams: bool


class Schema:
    """What some files describe."""

    def __init__(self, files: Iterable[FileDescriptorProto]) -> None:
        """Each file comes after those that it imports. Raises GrpcError for descriptors that do not fit."""
        self._pool = DescriptorPool()
        self._services: list[str] = []
        try:
            for file in files:
                self._pool.Add(file)
                package = f"{file.package}." if file.package else ""
                self._services += [f"{package}{service.name}" for service in file.service]
        except (TypeError, ValueError) as error:
            raise misconfigured(f"the descriptors do not fit together: {error}") from None

    def method(self, service: str, name: str) -> Method:
        """A method by its service's whole name and its own. Raises GrpcError."""
        try:
            descriptor = self._pool.FindServiceByName(service)
        except KeyError:
            raise misconfigured(
                f"there is no service {service:.200}; there is {_told(self._services)}"
            ) from None
        method = descriptor.methods_by_name.get(name)
        if method is None:
            names = [one.name for one in descriptor.methods]
            raise misconfigured(f"{service} has no method {name:.200}; it has {_told(names)}")
        if method.client_streaming:
            raise misconfigured(
                f"{service}/{name} takes a stream of messages: a task sends one, so that it cannot be called"
            )
        return Method(
            path=f"/{service}/{name}",
            pool=self._pool,
            request=GetMessageClass(method.input_type),
            response=GetMessageClass(method.output_type),
            streams=method.server_streaming,
        )


def _told(names: list[str]) -> str:
    shown = ", ".join(f"{name:.200}" for name in names[:_NAMES_TOLD_MAX])
    return (shown or "none") + (", ..." if len(names) > _NAMES_TOLD_MAX else "")
