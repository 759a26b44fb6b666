"""LifecycleService: what executions and their tasks go through, as it happens or from a position on."""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import grpc

from tidemill.api.engine.v1 import lifecycle_service_pb2 as pb
from tidemill.api.engine.v1.lifecycle_service_pb2_grpc import LifecycleServiceStub
from tidemill.client.calls import Caller
from tidemill.client.following import reopened

# Shard and commit, each an int32 or int64 at most.
_POSITION: Final = re.compile(r"\d{1,9}:\d{1,18}(,\d{1,9}:\d{1,18})*")


class Lifecycle:
    """Lifecycle events. Every method raises TidemillError."""

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._stub = LifecycleServiceStub(channel)
        self._caller = caller

    async def follow(self, request: pb.SubscribeRequest) -> AsyncGenerator[pb.SubscribeResponse, None]:
        """What the request wants, without an end; goes on by itself after a lost connection.

        An event may come again after that, under the same id. Who wants to go on later keeps the position of
        the last answer, and brings it back as `after`.
        """
        following = pb.SubscribeRequest()
        following.CopyFrom(request)
        async with aclosing(reopened(self._caller, lambda: self._stub.Subscribe(following))) as answers:
            async for answer in answers:
                following.after.CopyFrom(answer.position)
                yield answer


def position_text(position: pb.LifecyclePosition) -> str:
    """A position as text: `0:12,1:7`, shards and commits."""
    return ",".join(f"{shard}:{commit}" for shard, commit in sorted(position.commits.items()))


def position_of_text(text: str) -> pb.LifecyclePosition:
    """The position that a text names; raises ValueError for one that names none."""
    if _POSITION.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no position; one looks like 0:12,1:7")
    pairs = (pair.split(":") for pair in text.split(","))
    return pb.LifecyclePosition(commits={int(shard): int(commit) for shard, commit in pairs})
