"""The language's examples against the Engine: each is published."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.asyncapi_documents import document_v3
from tests.contract.engine_bench import EngineBench, running_engine
from tests.e2e.ctk.outside import PETSTORE, outside
from tests.e2e.web import Answer, Request, serving
from tests.unit.dsl.shared_data import shared_directory, shared_path
from tidemill.api.engine.v1 import definition_service_pb2 as pb

EXAMPLES = 68
GREETER = 'syntax = "proto3";'
ORDERS = "myorg.io"
NOTES = "fake.com"
CATALOG = "raw.githubusercontent.com"
ORDERS_API = {
    "openapi": "3.0.0",
    "paths": {
        "/readings": {"post": {"operationId": "logreading"}},
        "/report": {"post": {"operationId": "produceReport"}},
    },
}
DOCUMENTS = {path.stem: path.read_text() for path in sorted((shared_path() / "examples").glob("*.yaml"))}


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[EngineBench]:
    folder = tmp_path / "documents"
    (folder / "app").mkdir(parents=True)
    (folder / "app" / "greet.proto").write_text(GREETER)
    with serving(documents) as here:
        hosts = ",".join(f"{host}={here}" for host in (PETSTORE, ORDERS, NOTES, CATALOG))
        async with running_engine(tmp_path / "data", fetch_hosts=hosts, fetch_folder=str(folder)) as bench:
            yield bench


def documents(request: Request) -> Answer:
    """The documents that examples name from outside."""
    if request.headers.get("host") == ORDERS:
        return Answer(200, ORDERS_API)
    if request.headers.get("host") == CATALOG:
        return Answer(200, {"set": {"logged": "${ .message }"}})
    if request.headers.get("host") == NOTES:
        return Answer(200, document_v3())
    return outside(request)


def test_the_examples_are_there() -> None:
    assert (shared_directory() / "examples").is_dir()
    assert len(DOCUMENTS) == EXAMPLES


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_an_example_is_published(bench: EngineBench, name: str) -> None:
    request = pb.PublishRequest(document=DOCUMENTS[name].encode())
    assert (await bench.definitions.Publish(request)).created
