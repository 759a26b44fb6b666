"""gRPC services through the whole stack: examples that are written down, and who sees secrets."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.beside import listening
from tests.e2e.documents import NAMESPACE, named
from tests.e2e.greeter import greeter
from tests.e2e.nowhere import assert_nowhere
from tests.e2e.running import RunningStack
from tidemill.errors import TidemillError
from tidemill.stack.ports import free_ports

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[2]
VALUES = {name: f"s3cret-{name}-{number:04d}-qzx" for number, name in enumerate(("token", "sku"))}


def blocks() -> dict[str, str]:
    """The first block of each language in the section of the page."""
    page = (ROOT / "docs" / "calls.md").read_text()
    [text] = re.findall(r"^## gRPC\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    found: dict[str, str] = {}
    for language, block in re.findall(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        found.setdefault(language, block)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documents")
    (folder / "stock.proto").write_text(blocks()["proto"])
    return folder


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[RunningStack]:
    secrets = {f"TIDEMILL_SECRET.{NAMESPACE}.{name}": value for name, value in VALUES.items()}
    with (
        greeter(folder) as port,
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
    (folder / "stock.py").write_text(code)
    with listening([sys.executable, "stock.py", str(port)], port, folder=folder):
        report = stack.run(document, {"sku": "cup"})
        missed = stack.run(document.replace("watch-stock", "miss"), {"sku": "hat"})
    page = (ROOT / "docs" / "calls.md").read_text()
    [said] = re.findall(r"^The output is `(\{\"found\".*)`\.$", page, re.MULTILINE)
    assert report.output == json.loads(said), report.error
    assert missed.error["status"] == 404
    assert "NOT_FOUND: nobody sells hat" in missed.error["detail"]


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
