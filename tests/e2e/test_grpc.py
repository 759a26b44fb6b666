"""gRPC services through the whole stack: examples that are written down, and who sees secrets."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.documents import NAMESPACE, named
from tests.e2e.nowhere import assert_nowhere
from tests.e2e.running import RunningStack
from tests.unit.dsl.shared_data import shared_directory
from tidemill.errors import TidemillError
from tidemill.stack.ports import free_ports

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[2]
VALUES = {name: f"s3cret-{name}-{number:04d}-qzx" for number, name in enumerate(("token", "sku"))}
GREETER_PROTO = """\
syntax = "proto3";
package GreeterApi;
service Greeter { rpc SayHello(HelloRequest) returns (HelloReply); }
message HelloRequest { string name = 1; }
message HelloReply { string message = 1; string proof = 2; string key = 3; }
"""
GREETER = """\
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


def blocks() -> dict[str, str]:
    """The first block of each language in the section of the page."""
    page = (ROOT / "docs" / "calls.md").read_text()
    [text] = re.findall(r"^## gRPC\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    found: dict[str, str] = {}
    for language, block in re.findall(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        found.setdefault(language, block)
    return found


@contextmanager
def started(code: str, folder: Path, port: int) -> Iterator[None]:
    """The program, in the folder, for as long as the block runs, once it listens."""
    program = folder / f"server{port}.py"
    program.write_text(code)
    process = subprocess.Popen([sys.executable, program.name, str(port)], cwd=folder)
    try:
        end = time.monotonic() + 30
        while True:
            assert process.poll() is None
            assert time.monotonic() < end
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documents")
    (folder / "app").mkdir()
    (folder / "app" / "greet.proto").write_text(GREETER_PROTO)
    (folder / "stock.proto").write_text(blocks()["proto"])
    return folder


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[RunningStack]:
    [port] = free_ports(1)
    secrets = {f"TIDEMILL_SECRET.{NAMESPACE}.{name}": value for name, value in VALUES.items()}
    with (
        started(GREETER, folder, port),
        RunningStack(
            tmp_path_factory.mktemp("stack"),
            TIDEMILL_ENGINE_FETCH_FOLDER=str(folder),
            TIDEMILL_ACTIONS_GRPC_HOSTS=f"localhost:5011=grpc://127.0.0.1:{port}",
            OTEL_TRACES_EXPORTER="console",
            OTEL_BSP_SCHEDULE_DELAY="100",
            **secrets,
        ) as running,
    ):
        yield running


def test_the_example_of_the_page_does_what_it_says(stack: RunningStack, folder: Path) -> None:
    [port] = free_ports(1)
    code, document = (blocks()[language].replace("5011", str(port)) for language in ("python", "yaml"))
    with started(code, folder, port):
        report = stack.run(document, {"sku": "cup"})
        missed = stack.run(document.replace("watch-stock", "miss"), {"sku": "hat"})
    page = (ROOT / "docs" / "calls.md").read_text()
    [said] = re.findall(r"^The output is `(\{\"found\".*)`\.$", page, re.MULTILINE)
    assert report.output == json.loads(said), report.error
    assert missed.error["status"] == 404
    assert "NOT_FOUND: nobody sells hat" in missed.error["detail"]


def test_the_example_of_the_language_runs(stack: RunningStack) -> None:
    document = (shared_directory() / "examples" / "call-grpc.yaml").read_text()
    report = stack.run(document, {"user": {"preferredDisplayName": "Ada"}})
    assert report.phase == "completed", report.error
    assert report.output["message"] == "Hello, Ada!"
    assert report.execution_id in report.output["key"]


@pytest.mark.parametrize("word", ["ask", "refuse"])
def test_secrets_reach_a_service_and_nobody_else(stack: RunningStack, word: str) -> None:
    body = f"""
        use: {{secrets: [token, sku]}}
        do:
        - ask:
            call: grpc
            with:
              proto: {{endpoint: 'file:app/greet.proto'}}
              service:
                name: GreeterApi.Greeter
                host: localhost
                port: 5011
                authentication: {{bearer: {{token: '${{ $secrets.token }}'}}}}
              method: SayHello
              arguments: {{name: '${{ "{word} \\($secrets.sku)" }}'}}
    """
    report = stack.run(named(f"grpc-secrets-{word}", body))
    assert report.phase == ("completed" if word == "ask" else "faulted"), report.error
    if word == "ask":
        output: dict[str, Any] = report.output
        assert (output["message"], output["proof"]) == ("Hello, ask ***!", "Bearer ***")
    else:
        assert f"ABORTED: {word} *** with" in report.error["detail"]
    assert_nowhere(VALUES, stack, report)


def test_a_file_that_cannot_be_used_refuses_the_publish(stack: RunningStack, folder: Path) -> None:
    (folder / "bad.proto").write_text('import "google/api/http.proto";')
    body = """
        do:
        - ask:
            call: grpc
            with: {proto: {endpoint: 'file:bad.proto'}, service: {name: A, host: a.test}, method: b}
    """
    with pytest.raises(TidemillError) as refused:
        stack.publish(named("grpc-bad", body))
    assert "it imports google/api/http.proto" in refused.value.message
