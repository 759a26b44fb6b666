"""The engine's side of `ActionService.Execute`, for tests: one stream, its credit, and its results."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import orjson

from tidemill.api.actions.v1 import action_service_pb2 as pb
from tidemill.api.actions.v1.action_service_pb2_grpc import ActionServiceStub
from tidemill.api.events.v1.payload_pb2 import Payload
from tidemill.rpc import connect

NOOP = "tidemill.noop:1.0.0"
ANSWER_SECONDS = 20.0


def call(key: str = "k", action: str = NOOP, arguments: object = None, **changes: Any) -> pb.ActionCall:  # noqa: ANN401
    """A call of the namespace `shop`."""
    fields: dict[str, Any] = {
        "attempt": 1, "namespace": "shop", "execution_id": "e", "task_reference": "/do/0/a",
        "shard": 0, "epoch": 1, "arguments": Payload(data=orjson.dumps(arguments)),
    }  # fmt: skip
    return pb.ActionCall(key=key, action=action, **{**fields, **changes})


class EngineSide:
    """One open stream."""

    def __init__(self, stream: Any, hello: pb.ExecuteResponse) -> None:  # noqa: ANN401
        self.stream = stream
        self.credit = hello.calls_in_flight_max
        self.messages: list[pb.ExecuteResponse] = []

    async def send(
        self, *calls: pb.ActionCall, cancel: Sequence[tuple[str, int]] = (), settled: Sequence[str] = ()
    ) -> None:
        cancellations = [pb.ActionCancellation(key=key, attempt=attempt) for key, attempt in cancel]
        await self.stream.write(
            pb.ExecuteRequest(
                engine_id="test", calls=calls, cancellations=cancellations, settled_keys=settled
            )
        )

    async def results(self, count: int) -> list[pb.ActionResult]:
        """The next `count` results, in whatever messages they come."""
        results: list[pb.ActionResult] = []
        async with asyncio.timeout(ANSWER_SECONDS):
            while len(results) < count:
                message = await self.stream.read()
                assert message is not grpc.aio.EOF, f"the stream ended after {len(results)} results"
                self.messages.append(message)
                results.extend(message.results)
        return results

    async def result(self, one: pb.ActionCall) -> pb.ActionResult:
        """Send a call and read its result."""
        await self.send(one)
        [result] = await self.results(1)
        return result

    async def end(self) -> object:
        """Say that no more comes, and read what is next: the end, when all is answered."""
        await self.stream.done_writing()
        async with asyncio.timeout(ANSWER_SECONDS):
            return await self.stream.read()


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[EngineSide]:
    """A stream to the service for as long as the block runs."""
    async with connect(address) as channel:
        stream = ActionServiceStub(channel).Execute()
        async with asyncio.timeout(ANSWER_SECONDS):
            hello = await stream.read()
        assert isinstance(hello, pb.ExecuteResponse)
        yield EngineSide(stream, hello)
        stream.cancel()
