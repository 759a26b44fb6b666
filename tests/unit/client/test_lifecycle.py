"""Following lifecycle events over lost connections."""

from typing import TypeAlias, cast

import grpc
import pytest

from tests.unit.client.fakes import InstantClock, ScriptedStream, caller, foreign_failure
from tidemill.api.engine.v1 import lifecycle_service_pb2 as pb
from tidemill.api.events.v1.payload_pb2 import CloudEvent
from tidemill.client.lifecycle import Lifecycle, position_of_text, position_text

Stream: TypeAlias = ScriptedStream[pb.SubscribeRequest, pb.SubscribeResponse]
AWAY = foreign_failure(grpc.StatusCode.UNAVAILABLE)


def answer(event_id: str, commit: int) -> pb.SubscribeResponse:
    position = pb.LifecyclePosition(commits={0: commit})
    return pb.SubscribeResponse(events=[CloudEvent(id=event_id)], position=position)


async def test_it_goes_on_from_the_last_position() -> None:
    stream = Stream([answer("a", 1), answer("b", 2), AWAY], [AWAY], [answer("c", 3)])
    lifecycle = Lifecycle(cast(grpc.aio.Channel, _Channel(stream)), caller(InstantClock()))
    request = pb.SubscribeRequest(namespace="-", start=pb.LIFECYCLE_START_BEGINNING)
    seen = [event.id async for found in lifecycle.follow(request) for event in found.events]
    assert seen == ["a", "b", "c"]
    assert len(stream.requests) == 3
    # The fake keeps the request itself, which follows the answers.
    assert dict(stream.requests[-1].after.commits) == {0: 3}
    assert request.WhichOneof("from") == "start"


def test_a_position_survives_being_written_down() -> None:
    position = pb.LifecyclePosition(commits={3: 1, 0: 2**40})
    assert position_text(position) == "0:1099511627776,3:1"
    assert position_of_text(position_text(position)) == position


@pytest.mark.parametrize("text", ["", "0", "0:", "0:1,", "0:1;1:2", "x:1"])
def test_a_text_that_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no position"):
        position_of_text(text)


class _Channel:
    """A channel with one stream behind all its methods."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def unary_stream(self, *_: object, **__: object) -> Stream:
        return self._stream
