"""The language's examples against the Engine: published, or refused with the names of what they need."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from tests.contract.engine_bench import EngineBench, reason_of, running_engine
from tests.e2e.ctk.outside import PETSTORE, outside
from tests.e2e.web import Answer, Request, serving
from tests.unit.dsl.shared_data import shared_directory, shared_path
from tidemill.api.engine.v1 import definition_service_pb2 as pb

EXAMPLES = 68
# What a later release brings: the word that a refusal says, and how a document asks for it.
LATER = {
    "asyncapi": r"\bcall: asyncapi\b",
}
GREETER = 'syntax = "proto3";'
ORDERS = "myorg.io"
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
        hosts = ",".join(f"{host}={here}" for host in (PETSTORE, ORDERS, CATALOG))
        async with running_engine(tmp_path / "data", fetch_hosts=hosts, fetch_folder=str(folder)) as bench:
            yield bench


def documents(request: Request) -> Answer:
    """The documents that examples name from outside."""
    if request.headers.get("host") == ORDERS:
        return Answer(200, ORDERS_API)
    if request.headers.get("host") == CATALOG:
        return Answer(200, {"set": {"logged": "${ .message }"}})
    return outside(request)


def needed(text: str) -> set[str]:
    """What the document needs that is not built yet, read off its text."""
    return {word for word, pattern in LATER.items() if re.search(pattern, text, re.MULTILINE)}


def test_the_examples_are_there() -> None:
    assert (shared_directory() / "examples").is_dir()
    assert len(DOCUMENTS) == EXAMPLES


def test_every_row_of_the_table_stands_for_an_example() -> None:
    shared_directory()
    assert set[str]().union(*map(needed, DOCUMENTS.values())) == LATER.keys()


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_an_example_is_published_or_refused_by_name(bench: EngineBench, name: str) -> None:
    request = pb.PublishRequest(document=DOCUMENTS[name].encode())
    missing = needed(DOCUMENTS[name])
    if not missing:
        assert (await bench.definitions.Publish(request)).created
        return
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await bench.definitions.Publish(request)
    assert reason_of(refusal.value) == "UNSUPPORTED_FEATURE"
    sentences = refusal.value.details() or ""
    assert {word for word in missing if word not in sentences} == set()
    assert "not supported yet" in sentences
