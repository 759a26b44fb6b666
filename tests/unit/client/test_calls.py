"""Deadlines, safe repeats and errors of a single call."""

import grpc
import pytest

from tests.unit.client.fakes import InstantClock, ScriptedMethod, caller, foreign_failure, typed_failure
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.client.calls import CallExpiredError, Patience, UnreachableError, all_pages
from tidemill.errors import OverloadedError, TidemillError

AWAY = foreign_failure(grpc.StatusCode.UNAVAILABLE)
FULL = typed_failure(OverloadedError("inbox_commands_max", limit_value=1, retry_delay_us=700_000))


async def test_a_repeatable_request_is_sent_again_when_the_service_went_away() -> None:
    clock = InstantClock()
    method = ScriptedMethod[str, str](AWAY, AWAY, "done")
    assert await caller(clock).call(method, "ask", repeatable=True) == "done"
    assert method.requests == ["ask"] * 3


async def test_the_waits_between_tries_count_against_the_deadline() -> None:
    clock = InstantClock()
    method = ScriptedMethod[str, str](AWAY, "done")
    await caller(clock).call(method, "ask", repeatable=True, seconds=9)
    assert method.timeouts == [9, 9 - clock.sleeps_us[0] / 1_000_000]


async def test_a_request_that_is_not_repeatable_is_sent_once() -> None:
    method = ScriptedMethod[str, str](AWAY, "done")
    with pytest.raises(UnreachableError, match="cannot reach engine:7400"):
        await caller(InstantClock()).call(method, "ask", repeatable=False)
    assert len(method.requests) == 1


async def test_a_service_that_stays_away_is_given_up() -> None:
    clock = InstantClock()
    method = ScriptedMethod[str, str](*[AWAY] * 1000)
    with pytest.raises(UnreachableError):
        await caller(clock, Patience(away_seconds=2)).call(method, "ask", repeatable=True)
    assert 1_000_000 < clock.monotonic_us() <= 2_000_000


async def test_what_a_full_service_refused_is_sent_again_after_the_delay_that_it_asks_for() -> None:
    clock = InstantClock()
    method = ScriptedMethod[str, str](FULL, "done")
    assert await caller(clock).call(method, "ask", repeatable=False) == "done"
    assert clock.sleeps_us == [700_000]


async def test_the_delay_that_a_full_service_asks_for_is_bounded() -> None:
    clock = InstantClock()
    asks_for_an_hour = typed_failure(OverloadedError("x_max", limit_value=1, retry_delay_us=3_600_000_000))
    method = ScriptedMethod[str, str](asks_for_an_hour, "done")
    await caller(clock, Patience(retry_delay_seconds_max=2)).call(method, "ask", repeatable=False)
    assert clock.sleeps_us == [2_000_000]


async def test_a_service_that_stays_full_is_given_up_at_the_deadline() -> None:
    clock = InstantClock()
    method = ScriptedMethod[str, str](*[FULL] * 1000)
    with pytest.raises(TidemillError) as raised:
        await caller(clock).call(method, "ask", repeatable=True, seconds=3)
    assert raised.value.reason == reasons.ERROR_REASON_OVERLOADED
    assert clock.monotonic_us() <= 3_000_000


async def test_a_refusal_is_not_repeated() -> None:
    refusal = typed_failure(TidemillError(reasons.ERROR_REASON_PHASE_CONFLICT, "no", {"phase": "completed"}))
    method = ScriptedMethod[str, str](refusal)
    with pytest.raises(TidemillError, match="no") as raised:
        await caller(InstantClock()).call(method, "ask", repeatable=True)
    assert raised.value.metadata == {"phase": "completed"}


async def test_a_call_without_an_answer_says_how_long_it_waited() -> None:
    method = ScriptedMethod[str, str](foreign_failure(grpc.StatusCode.DEADLINE_EXCEEDED))
    with pytest.raises(CallExpiredError, match=r"no answer from engine:7400 within 4 s"):
        await caller(InstantClock()).call(method, "ask", repeatable=True, seconds=4)


async def test_pages_are_followed_to_the_last_or_to_the_limit() -> None:
    pages = {"": (["a", "b"], "2"), "2": (["c"], "3"), "3": (["d"], "")}
    asked: list[str] = []

    async def page(token: str) -> tuple[list[str], str]:
        asked.append(token)
        return pages[token]

    assert await all_pages(page) == ["a", "b", "c", "d"]
    asked.clear()
    assert await all_pages(page, limit=1) == ["a"]
    assert asked == [""]
