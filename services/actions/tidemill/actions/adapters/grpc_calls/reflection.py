"""What a server tells of itself: its descriptors, by gRPC's reflection service."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import grpc
from google.protobuf import (
    any_pb2,
    api_pb2,
    descriptor_pb2,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    source_context_pb2,
    struct_pb2,
    timestamp_pb2,
    type_pb2,
    wrappers_pb2,
)
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

from tidemill.actions.adapters.grpc_calls.problems import bad_answer, misconfigured

# Both speak the same messages; servers have one of them, or both.
_PATHS: Final = tuple(
    f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo" for version in ("v1", "v1alpha")
)
_FILES_MAX: Final = 512
_NOT_FOUND: Final = 5
# What a server says of these is not looked at: the library knows what they mean.
_WELL_KNOWN: Final[Mapping[str, FileDescriptorProto]] = {
    module.DESCRIPTOR.name: FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb)
    for module in (
        *(any_pb2, api_pb2, descriptor_pb2, duration_pb2, empty_pb2, field_mask_pb2),
        *(source_context_pb2, struct_pb2, timestamp_pb2, type_pb2, wrappers_pb2),
    )
}

Metadata = Sequence[tuple[str, str]]


async def reflected(
    channel: grpc.aio.Channel, service: str, metadata: Metadata, *, seconds: float, bytes_max: int
) -> list[FileDescriptorProto]:
    """The files that describe a service, each after those that it imports.

    Raises GrpcError, and AioRpcError.
    """
    conversation = _Conversation(channel, metadata, seconds, bytes_max)
    await conversation.ask(ServerReflectionRequest(file_containing_symbol=service))
    while missing := conversation.missing():
        await conversation.ask(ServerReflectionRequest(file_by_filename=missing[0]))
    return in_order(conversation.files)


class _Conversation:
    """The files of one server, as they become known."""

    def __init__(self, channel: grpc.aio.Channel, metadata: Metadata, seconds: float, bytes_max: int) -> None:
        self.files: dict[str, FileDescriptorProto] = {}
        self._channel = channel
        self._metadata = metadata
        self._seconds = seconds
        self._bytes_max = bytes_max
        self._left = bytes_max
        self._paths = [*_PATHS]

    def missing(self) -> list[str]:
        """What is imported and not known yet."""
        imported = {name for file in self.files.values() for name in file.dependency}
        return sorted(imported - self.files.keys())

    async def ask(self, request: ServerReflectionRequest) -> None:
        """Learn the files of the answer. Raises GrpcError, and AioRpcError."""
        if ours := _WELL_KNOWN.get(request.file_by_filename):
            self.files[ours.name] = ours
            return
        while True:
            try:
                await self._ask(self._paths[0], request)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                    raise
                self._paths.pop(0)
                if not self._paths:
                    raise misconfigured("the server offers no reflection: name a .proto file") from None
            else:
                return

    async def _ask(self, path: str, request: ServerReflectionRequest) -> None:
        # A stream of one message, which looks the same on the wire: were it sent as one, a refusal that comes
        # before all is sent would get lost in the library (as an "Internal error from Core").
        stub: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = self._channel.unary_stream(path)
        call = stub(request.SerializeToString(), metadata=self._metadata, timeout=self._seconds)
        known = len(self.files)
        try:
            async for data in call:
                self._take(data)
        finally:
            call.cancel()
        if len(self.files) == known:
            raise bad_answer("the server's reflection does not tell what it was asked")

    def _take(self, data: bytes) -> None:
        self._left -= len(data)
        try:
            answer = ServerReflectionResponse.FromString(data)
            if answer.HasField("error_response"):
                error = answer.error_response
                if error.error_code == _NOT_FOUND:
                    raise misconfigured(
                        f"the server's reflection does not know it: {error.error_message:.200}"
                    )
                raise bad_answer(f"the server's reflection answers {error.error_message:.200}")
            files = [
                FileDescriptorProto.FromString(one)
                for one in answer.file_descriptor_response.file_descriptor_proto
            ]
        except DecodeError:
            raise bad_answer("the server's reflection gives what is no descriptor") from None
        self.files.update((file.name, _WELL_KNOWN.get(file.name, file)) for file in files)
        if self._left < 0:
            raise bad_answer(
                f"what the server tells of itself is over grpc_reflection_bytes_max, {self._bytes_max}"
            )
        if len(self.files) > _FILES_MAX:
            raise bad_answer(f"the server describes a service in more than {_FILES_MAX} files")


def in_order(files: Mapping[str, FileDescriptorProto]) -> list[FileDescriptorProto]:
    """The files, each after those that it imports. Raises GrpcError where they import each other."""
    ordered: dict[str, FileDescriptorProto] = {}
    waiting = dict(files)
    while waiting:
        ready = [name for name, file in waiting.items() if _known(file.dependency, ordered)]
        if not ready:
            raise bad_answer("the server describes files that import each other")
        ordered.update((name, waiting.pop(name)) for name in ready)
    return [*ordered.values()]


def _known(names: Iterable[str], files: Mapping[str, FileDescriptorProto]) -> bool:
    return all(name in files for name in names)
