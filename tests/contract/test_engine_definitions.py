"""DefinitionService as the contract says: success, every error reason, and the watch."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import orjson
import pytest

from tests.contract.engine_bench import EngineBench, document, reason_of, running_engine
from tests.waiting import eventually
from tidemill.api.engine.v1 import definition_service_pb2 as pb
from tidemill.json import Json

SET: dict[str, Json] = {"greet": {"set": {"a": 1}}}
LOOSE: Json = {"mode": "loose"}


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[EngineBench]:
    async with running_engine(tmp_path) as bench:
        yield bench


async def test_validate_lists_problems_with_pointers(bench: EngineBench) -> None:
    wrong = orjson.dumps(document({"greet": {"set": {"a": "${ .b + }"}}}))
    response = await bench.definitions.Validate(pb.ValidateRequest(document=wrong))
    assert [problem.pointer for problem in response.problems] == ["/do/0/greet/set/a"]
    assert response.problems[0].severity == pb.PROBLEM_SEVERITY_ERROR


async def test_validate_passes_a_good_document(bench: EngineBench) -> None:
    response = await bench.definitions.Validate(pb.ValidateRequest(document=orjson.dumps(document(SET))))
    assert list(response.problems) == []


async def test_validate_names_a_malformed_document(bench: EngineBench) -> None:
    response = await bench.definitions.Validate(pb.ValidateRequest(document=b"a: [1"))
    assert len(response.problems) == 1


async def test_publish_stores_and_a_repeat_answers_the_same(bench: EngineBench) -> None:
    request = pb.PublishRequest(namespace="shop", document=orjson.dumps(document(SET)), request_id="r")
    first = await bench.definitions.Publish(request)
    again = await bench.definitions.Publish(request)
    assert (first.created, again.created) == (True, False)
    assert first.definition == again.definition
    assert (first.definition.revision, first.definition.latest) == (1, True)
    assert len(first.definition.digest) == 64


async def test_the_same_content_in_another_spelling_is_the_same_version(bench: EngineBench) -> None:
    await bench.publish(SET)
    spelled = b"# a comment\n" + orjson.dumps(document(SET), option=orjson.OPT_INDENT_2)
    response = await bench.definitions.Publish(pb.PublishRequest(document=spelled))
    assert not response.created


async def test_publish_refuses_other_content_for_the_same_version(bench: EngineBench) -> None:
    await bench.publish(SET)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await bench.publish({"other": {"set": {"b": 2}}})
    assert reason_of(raised.value) == "DEFINITION_CONFLICT"
    assert raised.value.code() is grpc.StatusCode.ALREADY_EXISTS


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (pb.PublishRequest(document=b"a: [1"), "INVALID_DOCUMENT"),
        (
            pb.PublishRequest(document=orjson.dumps(document({"w": {"wait": {"months": 1}}}))),
            "INVALID_DOCUMENT",
        ),
        (
            pb.PublishRequest(document=orjson.dumps({**document(SET), "evaluate": LOOSE})),
            "UNSUPPORTED_FEATURE",
        ),
        (pb.PublishRequest(document=b" " * 2_000_000), "TOO_LARGE"),
        (pb.PublishRequest(namespace="other", document=orjson.dumps(document(SET))), "INVALID_REQUEST"),
    ],
    ids=["malformed", "problems", "unsupported", "too large", "another namespace"],
)
async def test_publish_refuses(bench: EngineBench, request_: pb.PublishRequest, reason: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await bench.definitions.Publish(request_)
    assert reason_of(raised.value) == reason


async def test_get_finds_the_latest_by_semver_or_one_version(bench: EngineBench) -> None:
    for version in ("1.9.0", "1.10.0", "1.10.0-rc.1"):
        await bench.publish(SET, version=version)
    latest = await bench.definitions.Get(pb.GetRequest(namespace="shop", name="cart"))
    one = await bench.definitions.Get(pb.GetRequest(namespace="shop", name="cart", version="1.9.0"))
    assert (latest.definition.version, latest.definition.latest) == ("1.10.0", True)
    assert (one.definition.version, one.definition.latest) == ("1.9.0", False)
    assert orjson.loads(one.definition.document)["do"] == [SET]


async def test_get_of_an_unknown_one(bench: EngineBench) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await bench.definitions.Get(pb.GetRequest(namespace="shop", name="nothing"))
    assert reason_of(raised.value) == "DEFINITION_NOT_FOUND"


async def test_list_pages_and_filters(bench: EngineBench) -> None:
    for name in ("a", "b", "c"):
        await bench.publish(SET, name=name)
    await bench.publish(SET, namespace="other")
    first = await bench.definitions.List(pb.ListRequest(namespace="-", page_size=3))
    second = await bench.definitions.List(
        pb.ListRequest(namespace="-", page_size=3, page_token=first.next_page_token)
    )
    names = [(d.namespace, d.name) for d in [*first.definitions, *second.definitions]]
    assert names == [("other", "cart"), ("shop", "a"), ("shop", "b"), ("shop", "c")]
    assert second.next_page_token == ""
    shop = await bench.definitions.List(pb.ListRequest(namespace="shop", name="b"))
    assert [d.name for d in shop.definitions] == ["b"]
    assert shop.definitions[0].document == b""


async def test_list_refuses_a_token_of_its_own_making(bench: EngineBench) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await bench.definitions.List(pb.ListRequest(namespace="-", page_token="nonsense"))
    assert reason_of(raised.value) == "INVALID_REQUEST"


async def test_definitions_are_there_after_a_restart(tmp_path: Path) -> None:
    async with running_engine(tmp_path) as bench:
        await bench.publish(SET)
    async with running_engine(tmp_path) as bench:
        found = await bench.definitions.Get(pb.GetRequest(namespace="shop", name="cart"))
        assert found.definition.revision == 1


async def read(
    stream: "grpc.aio.StreamStreamCall[pb.WatchDefinitionsRequest, pb.WatchDefinitionsResponse]",
) -> pb.WatchDefinitionsResponse:
    response = await stream.read()
    assert isinstance(response, pb.WatchDefinitionsResponse)
    return response


async def test_a_watch_sends_a_snapshot_then_changes_then_heartbeats(bench: EngineBench) -> None:
    await bench.publish(SET)
    stream = bench.definitions.WatchDefinitions()
    await stream.write(pb.WatchDefinitionsRequest(namespace="-", watcher="test"))
    snapshot = await read(stream)
    assert (snapshot.revision, snapshot.snapshot_complete, len(snapshot.definitions)) == (1, True, 1)
    await stream.write(pb.WatchDefinitionsRequest(acknowledged_revision=1))
    heartbeat = await read(stream)
    assert (heartbeat.revision, len(heartbeat.definitions)) == (1, 0)

    publishing = asyncio.ensure_future(bench.publish(SET, version="1.1.0"))
    while not (change := await read(stream)).definitions:
        pass
    assert [d.version for d in change.definitions] == ["1.1.0"]
    assert not publishing.done()
    await stream.write(pb.WatchDefinitionsRequest(acknowledged_revision=change.revision))
    assert (await publishing).revision == 2
    stream.cancel()


async def test_a_publish_waits_no_longer_than_the_lease_of_a_silent_watcher(tmp_path: Path) -> None:
    async with running_engine(tmp_path, publish_lease_us=200_000) as bench:
        stream = bench.definitions.WatchDefinitions()
        await stream.write(pb.WatchDefinitionsRequest(namespace="-", watcher="silent"))
        await stream.read()
        assert (await asyncio.wait_for(bench.publish(SET), 5)).revision == 1
        stream.cancel()


async def test_a_publish_waits_out_the_lease_of_a_watcher_whose_stream_is_lost(tmp_path: Path) -> None:
    """It may go on answering with what it has until its own, shorter lease has run out."""
    async with running_engine(tmp_path, publish_lease_us=1_000_000) as bench:
        stream = bench.definitions.WatchDefinitions()
        await stream.write(pb.WatchDefinitionsRequest(namespace="-", watcher="lost"))
        await read(stream)
        stream.cancel()
        catalogue = bench.engine.assembly.catalogue
        await eventually(lambda: all(watcher.left_us is not None for watcher in catalogue._watchers))
        publishing = asyncio.ensure_future(bench.publish(SET))
        done, _ = await asyncio.wait([publishing], timeout=0.3)
        assert not done
        assert (await asyncio.wait_for(publishing, 5)).revision == 1


async def test_a_watcher_that_comes_back_is_waited_for_as_itself(tmp_path: Path) -> None:
    async with running_engine(tmp_path, publish_lease_us=20_000_000) as bench:
        lost = bench.definitions.WatchDefinitions()
        await lost.write(pb.WatchDefinitionsRequest(namespace="-", watcher="one"))
        await read(lost)
        lost.cancel()
        back = bench.definitions.WatchDefinitions()
        await back.write(pb.WatchDefinitionsRequest(namespace="-", watcher="one"))
        await read(back)
        publishing = asyncio.ensure_future(bench.publish(SET))
        while not (await read(back)).definitions:
            pass
        await back.write(pb.WatchDefinitionsRequest(acknowledged_revision=1))
        assert (await asyncio.wait_for(publishing, 5)).revision == 1
        back.cancel()
