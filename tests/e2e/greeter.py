"""The gRPC service of the language's example: its `.proto`, and the service as a program of its own."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.beside import listening
from tidemill.stack.ports import free_ports

PROTO = """\
syntax = "proto3";
package GreeterApi;
service Greeter { rpc SayHello(HelloRequest) returns (HelloReply); }
message HelloRequest { string name = 1; }
message HelloReply { string message = 1; string proof = 2; string key = 3; }
"""
# Tells who asked for what; a name that begins with `refuse` is refused with all that was heard.
PROGRAM = """\
import sys
from concurrent.futures import ThreadPoolExecutor
import grpc
messages, services = grpc.protos_and_services("app/greet.proto")

class Greeter(services.GreeterServicer):
    def SayHello(self, request, context):
        heard = dict(context.invocation_metadata())
        if request.name.startswith("refuse"):
            context.abort(grpc.StatusCode.ABORTED, f"{request.name} with {heard}")
        proof, key = heard.get("authorization", ""), heard["idempotency-key"]
        return messages.HelloReply(message=f"Hello, {request.name}!", proof=proof, key=key)

server = grpc.server(ThreadPoolExecutor(2))
services.add_GreeterServicer_to_server(Greeter(), server)
server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
server.start()
server.wait_for_termination()
"""


@contextmanager
def greeter(folder: Path) -> Iterator[int]:
    """The service, which is described in `app/greet.proto` of the folder; yields its port."""
    (folder / "app").mkdir()
    (folder / "app" / "greet.proto").write_text(PROTO)
    [port] = free_ports(1)
    with listening([sys.executable, "-c", PROGRAM, str(port)], port, folder=folder):
        yield port
