"""MCP servers and agents through the whole stack: examples that are written down, and who sees secrets."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.mcp_server import WebServer, running_mcp_server
from tests.e2e.beside import listening
from tests.e2e.documents import NAMESPACE, named
from tests.e2e.nowhere import assert_nowhere
from tests.e2e.running import RunningStack
from tests.e2e.web import Answer, Request, serving
from tidemill.json import Json
from tidemill.stack.ports import free_ports

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[2]
VALUES = {
    name: f"s3cret-{name}-{number:04d}-zqx"
    for number, name in enumerate(("header", "token", "variable", "agent", "said"))
}
# Tells all of its environment.
TELLER = (
    "import sys; sys.path.insert(0, {root!r}); from tests.contract.mcp_server import *; make_server().run()"
)


class Agent:
    """Answers with all that it was asked, and remembers it."""

    def __init__(self) -> None:
        self.asked: list[Request] = []

    def answer(self, request: Request) -> Answer:
        self.asked.append(request)
        error = {"error": {"code": -32000, "message": str(request.headers)}}
        result = {"result": {"headers": request.headers, "params": request.body.get("params")}}
        refuses = request.path == "/refuse"
        return Answer(200, {"jsonrpc": "2.0", "id": request.body["id"], **(error if refuses else result)})


@pytest.fixture(scope="module")
def agent() -> Agent:
    return Agent()


@pytest.fixture(scope="module")
def server() -> Iterator[WebServer]:
    with running_mcp_server() as server:
        yield server


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, agent: Agent) -> Iterator[RunningStack]:
    secrets = {f"TIDEMILL_SECRET.{NAMESPACE}.{name}": value for name, value in VALUES.items()}
    with (
        serving(agent.answer) as base,
        RunningStack(
            tmp_path_factory.mktemp("stack"),
            TIDEMILL_ACTIONS_HTTP_HOSTS=f"agent.example.com={base}",
            TIDEMILL_ACTIONS_MCP_STDIO="true",
            OTEL_TRACES_EXPORTER="console",
            OTEL_BSP_SCHEDULE_DELAY="100",
            **secrets,
        ) as running,
    ):
        yield running


def section(name: str) -> dict[str, str]:
    """The first block of each language in a section of the page."""
    page = (ROOT / "docs" / "calls.md").read_text()
    [text] = re.findall(rf"^## {name}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    blocks: dict[str, str] = {}
    for language, block in re.findall(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        blocks.setdefault(language, block)
    return blocks


@pytest.mark.parametrize(
    ("name", "written_port", "given", "expected"),
    [
        ("MCP", 8000, {"name": "Ada"}, "Hello, Ada!"),
        ("A2A", 9999, {"text": "Good morning"}, "You said: Good morning"),
    ],
)
def test_the_example_of_the_page_does_what_it_says(
    stack: RunningStack, name: str, written_port: int, given: Json, expected: str
) -> None:
    [port] = free_ports(1)
    blocks = section(name)
    code, document = (
        blocks[language].replace(str(written_port), str(port)) for language in ("python", "yaml")
    )
    with listening([sys.executable, "-c", code], port):
        report = stack.run(document, given)
    assert report.output == expected, report.error


def test_secrets_reach_a_server_over_http_and_nobody_else(stack: RunningStack, server: WebServer) -> None:
    body = f"""
        use:
          secrets: [header, token]
        do:
        - ask:
            call: mcp
            with:
              method: tools/call
              parameters: {{name: headers}}
              transport:
                http:
                  endpoint:
                    uri: {server.url}
                    authentication: {{bearer: {{token: '${{ $secrets.token }}'}}}}
                  headers: {{x-key: '${{ $secrets.header }}'}}
    """
    report = stack.run(named("mcp-web-secrets", body))
    assert report.phase == "completed", report.error
    _, headers = server.requests[-1]
    assert (headers["x-key"], headers["authorization"]) == (VALUES["header"], f"Bearer {VALUES['token']}")
    assert "***" in str(report.output)
    assert_nowhere(VALUES, stack, report)


def test_secrets_reach_a_program_and_nobody_else(stack: RunningStack) -> None:
    stdio = {
        "command": sys.executable,
        "arguments": ["-c", TELLER.format(root=str(ROOT))],
        "environment": {"TOKEN": "${ $secrets.variable }"},
    }
    body = f"""
        use: {{secrets: [variable]}}
        do:
        - ask:
            call: mcp
            with:
              method: tools/call
              parameters: {{name: environment}}
              transport: {{stdio: {json.dumps(stdio)}}}
    """
    report = stack.run(named("mcp-program-secrets", body))
    assert report.phase == "completed", report.error
    seen = report.output["structuredContent"]
    seen = seen.get("result", seen)
    # It is there, for what was masked is what the server told; and of the service's own there is nothing.
    assert seen["TOKEN"] == "***"
    assert not [name for name in seen if name.startswith(("TIDEMILL_ACTIONS", "TIDEMILL_SECRET"))]
    assert_nowhere(VALUES, stack, report)


@pytest.mark.parametrize("path", ["ask", "refuse"])
def test_secrets_reach_an_agent_and_nobody_else(stack: RunningStack, agent: Agent, path: str) -> None:
    body = f"""
        use: {{secrets: [agent, said]}}
        do:
        - ask:
            call: a2a
            with:
              method: message/send
              server:
                uri: https://agent.example.com/{path}
                authentication: {{bearer: {{token: '${{ $secrets.agent }}'}}}}
              parameters:
                message:
                  kind: message
                  role: user
                  parts: [{{kind: text, text: '${{ "x \\($secrets.said)" }}'}}]
    """
    report = stack.run(named(f"a2a-secrets-{path}", body))
    assert report.phase == ("completed" if path == "ask" else "faulted"), report.error
    asked = agent.asked[-1]
    assert asked.headers["authorization"] == f"Bearer {VALUES['agent']}"
    message = asked.body["params"]["message"]
    assert message["parts"] == [{"kind": "text", "text": f"x {VALUES['said']}"}]
    assert message["messageId"] == asked.headers["idempotency-key"]
    assert "***" in str(report.error or report.output)
    assert_nowhere(VALUES, stack, report)


def test_a_program_ends_when_its_service_stops(tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    # Deaf to all but what nobody can be deaf to.
    code = f"""
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open({str(noted)!r} + ".new", "w").write(str(os.getpid()))
os.rename({str(noted)!r} + ".new", {str(noted)!r})
time.sleep(3600)
"""
    stdio = {"command": sys.executable, "arguments": ["-c", code]}
    body = f"""
        do:
        - ask: {{call: mcp, with: {{method: tools/list, transport: {{stdio: {json.dumps(stdio)}}}}}}}
    """
    settings = {"TIDEMILL_ACTIONS_MCP_STDIO": "true", "TIDEMILL_ACTIONS_DRAIN_US_MAX": "300000"}
    with RunningStack(tmp_path / "stack", **settings) as stack:
        stack.start(stack.publish(named("deaf", body)))
        stack.until(noted.exists)
        pid = int(noted.read_text())
        assert Path(f"/proc/{pid}").exists()
    assert not Path(f"/proc/{pid}").exists()
