"""NamespaceService: terms of a namespace are kept, fit together, and outlive the engine."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from tests.contract.engine_bench import EngineBench, reason_of, running_engine
from tidemill.api.engine.v1 import namespace_service_pb2 as pb
from tidemill.api.engine.v1.namespace_service_pb2_grpc import NamespaceServiceStub
from tidemill.errors import duration_of_us

DAY_US = 86_400_000_000


def days(count: int) -> Duration:
    return duration_of_us(count * DAY_US)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[EngineBench]:
    async with running_engine(
        tmp_path, history_retention_us=10 * DAY_US, execution_retention_us=20 * DAY_US
    ) as bench:
        yield bench


async def update(bench: EngineBench, *paths: str, **terms: Any) -> pb.Namespace:  # noqa: ANN401
    """Change terms of "shop", or of another one."""
    request = pb.NamespaceServiceUpdateRequest(namespace=pb.Namespace(**({"name": "shop"} | terms)))
    request.update_mask.paths.extend(paths)
    return (await NamespaceServiceStub(bench.channel).Update(request)).namespace


async def get(bench: EngineBench, name: str = "shop") -> pb.Namespace:
    request = pb.NamespaceServiceGetRequest(name=name)
    return (await NamespaceServiceStub(bench.channel).Get(request)).namespace


async def names(bench: EngineBench) -> list[str]:
    """Those that have terms of their own, over pages of two."""
    found: list[str] = []
    request = pb.NamespaceServiceListRequest(page_size=2)
    while True:
        answer = await NamespaceServiceStub(bench.channel).List(request)
        assert len(answer.namespaces) <= 2
        found += [namespace.name for namespace in answer.namespaces]
        if not answer.next_page_token:
            return found
        request.page_token = answer.next_page_token


async def test_a_namespace_has_the_terms_of_the_installation(bench: EngineBench) -> None:
    found = await get(bench)
    assert not found.HasField("history_retention")
    assert not found.HasField("execution_retention")
    assert found.effective_history_retention == days(10)
    assert found.effective_execution_retention == days(20)


async def test_terms_are_changed_one_by_one_and_go_back_to_the_default(bench: EngineBench) -> None:
    assert (await update(bench, history_retention=days(5))).history_retention == days(5)
    both = await update(bench, "execution_retention", execution_retention=days(0), history_retention=days(1))
    assert (both.history_retention, both.execution_retention) == (days(5), days(0))
    assert both.effective_execution_retention == days(0)
    assert await get(bench) == both
    back = await update(bench, "history_retention")
    assert not back.HasField("history_retention")
    assert back.effective_history_retention == days(10)


async def test_terms_outlive_the_engine_and_are_listed_by_name(tmp_path: Path) -> None:
    async with running_engine(tmp_path) as bench:
        for name in ("b", "a", "c"):
            await update(bench, name=name, history_retention=days(5))
    async with running_engine(tmp_path) as bench:
        assert await names(bench) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("paths", "terms", "reason"),
    [
        ((), {"history_retention": days(21)}, "INVALID_REQUEST"),
        ((), {"history_retention": days(0)}, "INVALID_REQUEST"),
        ((), {"execution_retention": days(9)}, "INVALID_REQUEST"),
        ((), {"history_retention": days(-1)}, "INVALID_REQUEST"),
        (("name",), {}, "INVALID_REQUEST"),
        ((), {"name": ""}, "INVALID_REQUEST"),
        ((), {"name": "a" * 257}, "TOO_LARGE"),
    ],
)
async def test_terms_that_do_not_fit_are_refused(
    bench: EngineBench, paths: tuple[str, ...], terms: dict[str, Any], reason: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await update(bench, *paths, **terms)
    assert reason_of(raised.value) == reason
    assert await names(bench) == []
