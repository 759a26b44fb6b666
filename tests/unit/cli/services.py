"""Services made from the contracts that answer what a test put in; they listen on a socket file."""

from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from tidemill.api.engine.v1 import (
    dead_letter_service_pb2,
    definition_service_pb2,
    execution_service_pb2,
    lifecycle_service_pb2,
    namespace_service_pb2,
)
from tidemill.api.triggers.v1 import event_service_pb2, trigger_service_pb2
from tidemill.errors import TidemillError
from tidemill.rpc.errors import to_status

SERVICES = {
    f"{file.DESCRIPTOR.package}.{name}": service
    for file in (
        dead_letter_service_pb2,
        definition_service_pb2,
        execution_service_pb2,
        lifecycle_service_pb2,
        namespace_service_pb2,
        event_service_pb2,
        trigger_service_pb2,
    )
    for name, service in file.DESCRIPTOR.services_by_name.items()
}
Context = grpc.ServicerContext
Answer = Message | TidemillError
THREADS = 4


@dataclass
class Answers:
    """What each method (`ExecutionService/Start`) answers: one thing, or a list in turn or as a stream."""

    by_method: dict[str, Answer | list[Answer]] = field(default_factory=dict)
    requests: list[Message] = field(default_factory=list)

    def unary(self, method: str) -> Callable[[Message, Context], Message]:
        def behaviour(request: Message, context: Context) -> Message:
            self.requests.append(request)
            answer = self.by_method[method]
            return _given(answer.pop(0) if isinstance(answer, list) else answer, context)

        return behaviour

    def stream(self, method: str) -> Callable[[Message, Context], Iterator[Message]]:
        def behaviour(request: Message, context: Context) -> Iterator[Message]:
            self.requests.append(request)
            answers = self.by_method[method]
            for answer in answers if isinstance(answers, list) else [answers]:
                yield _given(answer, context)

        return behaviour


def _given(answer: Answer, context: Context) -> Message:
    if isinstance(answer, TidemillError):
        context.abort_with_status(to_status(answer))
    assert isinstance(answer, Message)
    return answer


@contextmanager
def serve(answers: Answers, directory: Path) -> Iterator[str]:
    """Serve all services; gives the address."""
    server = grpc.server(futures.ThreadPoolExecutor(THREADS))
    server.add_generic_rpc_handlers(
        [
            grpc.method_handlers_generic_handler(
                name, {method.name: _handler(service, method, answers) for method in service.methods}
            )
            for name, service in SERVICES.items()
        ]
    )
    address = f"unix:{directory}/services"
    server.add_insecure_port(address)
    server.start()
    try:
        yield address
    finally:
        server.stop(None).wait()


def _handler(
    service: ServiceDescriptor, method: MethodDescriptor, answers: Answers
) -> "grpc.RpcMethodHandler[Message, Message]":
    decode = GetMessageClass(method.input_type).FromString
    name = f"{service.name}/{method.name}"
    if method.server_streaming:
        return grpc.unary_stream_rpc_method_handler(answers.stream(name), decode, _encode)
    return grpc.unary_unary_rpc_method_handler(answers.unary(name), decode, _encode)


def _encode(message: Message) -> bytes:
    return message.SerializeToString()
