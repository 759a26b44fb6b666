"""Following an execution over lost connections."""

from typing import TypeAlias, cast

import grpc
import pytest

from tests.unit.client.fakes import InstantClock, ScriptedStream, caller, foreign_failure, typed_failure
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.client.calls import Patience, UnreachableError
from tidemill.client.following import WatchMethod, follow
from tidemill.errors import TidemillError

Stream: TypeAlias = ScriptedStream[pb.WatchRequest, pb.WatchResponse]
AWAY = foreign_failure(grpc.StatusCode.UNAVAILABLE)


def answer(*sequences: int) -> pb.WatchResponse:
    return pb.WatchResponse(events=[pb.HistoryEvent(sequence=sequence) for sequence in sequences])


async def sequences(stream: Stream, patience: Patience | None = None) -> list[int]:
    found = follow(
        caller(InstantClock(), patience), cast(WatchMethod, stream), pb.WatchRequest(execution_id="1")
    )
    return [event.sequence async for answer in found for event in answer.events]


async def test_it_ends_with_the_stream() -> None:
    assert await sequences(Stream([answer(1, 2), answer(3)])) == [1, 2, 3]


async def test_it_goes_on_after_the_last_event_seen() -> None:
    stream = Stream([answer(1, 2), AWAY], [AWAY], [answer(3)])
    assert await sequences(stream) == [1, 2, 3]
    # The fake keeps the request itself, which follows the events: the last call began behind them.
    assert stream.requests[-1].from_sequence == 4
    assert len(stream.requests) == 3


async def test_events_that_come_again_are_passed_over() -> None:
    assert await sequences(Stream([answer(1, 2), answer(1, 2), answer(3)])) == [1, 2, 3]


async def test_a_service_that_stays_away_is_given_up() -> None:
    with pytest.raises(UnreachableError):
        await sequences(Stream([answer(1), AWAY], *[[AWAY]] * 1000), Patience(away_seconds=3))


async def test_a_refusal_is_raised() -> None:
    refusal = typed_failure(TidemillError(reasons.ERROR_REASON_EXECUTION_NOT_FOUND, "no such execution"))
    with pytest.raises(TidemillError, match="no such execution"):
        await sequences(Stream([refusal]))
