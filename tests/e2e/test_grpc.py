"""gRPC services through the whole stack: the example that is written down, and files that cannot be used."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.beside import listening
from tests.e2e.documents import named
from tests.e2e.running import RunningStack
from tidemill.errors import TidemillError
from tidemill.stack.ports import free_ports

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[2]


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
    data = tmp_path_factory.mktemp("stack")
    with RunningStack(data, TIDEMILL_ENGINE_FETCH_FOLDER=str(folder)) as running:
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
