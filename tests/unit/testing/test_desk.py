"""The provider that stands for the outside world: what it does, what it remembers, what it counts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from tidemill.testing.desk import Desk
from tidemill.testing.effects import Identity, Mood, Outcome, Temper, identity_of

BODY = {"eventId": "e1", "task": "/do/0/send"}
SENT = Identity("e1", "/do/0/send")
CALM = Temper(refusing_rate=0, slow_rate=0, silent_rate=0)


@asynccontextmanager
async def client_of(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(desk.application)
    async with httpx.AsyncClient(transport=transport, base_url="http://sms.example.com") as client:
        yield client


async def post(client: httpx.AsyncClient, key: str = "k1", **body: object) -> httpx.Response:
    headers = {"idempotency-key": key} if key else {}
    return await client.post("/messages", json={**BODY, **body}, headers=headers)


async def until(condition: Callable[[], bool]) -> None:
    """Let tasks run until the condition holds; fails when it does not after many turns."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came true")


async def test_a_message_is_sent_and_counted_by_key_and_by_identity() -> None:
    desk = Desk(CALM)
    async with client_of(desk) as client:
        assert (await post(client)).json() == {"message": 1}
    effects = desk.effects()
    assert (dict(effects.by_key), dict(effects.by_identity)) == ({"k1": 1}, {SENT: 1})


async def test_a_repeated_key_gets_the_first_answer_and_nothing_is_done_again() -> None:
    desk = Desk(CALM)
    async with client_of(desk) as client:
        first, again = await post(client), await post(client)
    assert first.json() == again.json()
    assert desk.effects().made == 1
    assert desk.effects().outcomes == {Outcome.SENT: 1, Outcome.REPEATED: 1}


async def test_one_identity_under_two_keys_is_doubled() -> None:
    desk = Desk(CALM)
    async with client_of(desk) as client:
        await post(client, "k1")
        await post(client, "k2")
    assert desk.effects().doubled() == [SENT]


async def test_without_a_key_every_request_is_an_effect() -> None:
    desk = Desk(CALM)
    async with client_of(desk) as client:
        await post(client, "")
        await post(client, "")
    assert desk.effects().doubled() == [SENT]


async def test_a_provider_that_ignores_keys_does_its_work_again() -> None:
    desk = Desk(Temper(refusing_rate=0, slow_rate=0, silent_rate=0, honours_keys=False))
    async with client_of(desk) as client:
        await post(client)
        await post(client)
    assert desk.effects().doubled() == [SENT]


async def test_a_refusal_does_nothing_and_is_not_remembered() -> None:
    desk = Desk(Temper(refusing_rate=1, slow_rate=0, silent_rate=0, bad_tries_max=2))
    async with client_of(desk) as client:
        statuses = [(await post(client)).status_code for _ in range(3)]
    assert statuses == [503, 503, 200]
    assert desk.effects().made == 1


async def test_silence_comes_after_the_work_and_a_repeat_is_answered_at_once() -> None:
    desk = Desk(Temper(refusing_rate=0, slow_rate=0, silent_rate=1, silent_seconds=3600))
    async with client_of(desk) as client:
        unanswered = asyncio.create_task(post(client))
        await until(lambda: desk.effects().made == 1)
        assert (await post(client)).json() == {"message": 1}
        assert not unanswered.done()
        desk.close()
        await unanswered
    assert desk.effects().outcomes == {Outcome.SILENT: 1, Outcome.REPEATED: 1}


async def test_a_repeat_waits_for_the_first_request_to_be_done() -> None:
    desk = Desk(Temper(refusing_rate=0, slow_rate=1, silent_rate=0, slow_seconds=3600))
    async with client_of(desk) as client:
        first = asyncio.create_task(post(client))
        again = asyncio.create_task(post(client))
        await until(lambda: desk.effects().outcomes[Outcome.REPEATED] == 1)
        assert not first.done()
        assert not again.done()
        desk.close()
        assert (await first).json() == (await again).json()
    assert desk.effects().made == 1


@pytest.mark.parametrize(("to", "status"), [("a@example.com", 200), ("+15550001", 200), ("unknown", 422)])
async def test_an_address_that_is_none_is_refused_for_good(to: str, status: int) -> None:
    desk = Desk(CALM)
    async with client_of(desk) as client:
        assert (await post(client, to=to)).status_code == status
    assert desk.effects().made == (status == 200)


@pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b'{"eventId": "e"}', b'{"eventId": 1, "task": "t"}'])
async def test_a_body_without_identity_is_refused(content: bytes) -> None:
    desk = Desk(CALM)
    async with client_of(desk) as client:
        assert (await client.post("/messages", content=content)).status_code == 400
    assert desk.effects().outcomes == {Outcome.MALFORMED: 1}


def test_moods_come_from_the_seed_the_identity_and_the_try_alone() -> None:
    identities = [Identity(f"e{number}", "t") for number in range(2_000)]
    moods = [Temper(seed=7).mood(identity, 0) for identity in identities]
    assert moods == [Temper(seed=7).mood(identity, 0) for identity in identities]
    assert moods != [Temper(seed=8).mood(identity, 0) for identity in identities]
    assert {mood: round(moods.count(mood) / 2_000, 2) for mood in Mood} == pytest.approx(
        {Mood.PROMPT: 0.84, Mood.REFUSING: 0.08, Mood.SLOW: 0.05, Mood.SILENT: 0.03}, abs=0.02
    )


def test_the_identity_is_in_the_body() -> None:
    assert identity_of({**BODY, "text": "hello"}) == SENT
    assert identity_of({"eventId": "e1"}) is None
    assert identity_of(["e1"]) is None


async def test_what_is_lost_and_what_nobody_wanted_is_told() -> None:
    desk = Desk(CALM)
    other = Identity("e2", "t")
    async with client_of(desk) as client:
        await post(client)
    assert desk.effects().lost([SENT, other]) == [other]
    assert desk.effects().unwanted([other]) == [SENT]
