"""How long tokens of HTTP calls are kept, for whom, and what happens when one is refused."""

import asyncio

import pytest

from tests.contract.authentication.calls import (
    CLIENT,
    Send,
    answering,
    oauth2,
    value,
)
from tests.contract.http_calls import LIMITS, error, kind
from tests.contract.token_provider import TOKEN_LIFETIME_SECONDS, TokenProvider
from tidemill.clock import ManualClock
from tidemill.json import Json

MARGIN_SECONDS = LIMITS.tokens.margin_us // 1_000_000


async def test_a_token_is_used_until_shortly_before_it_expires(
    provider: TokenProvider, send: Send, clock: ManualClock
) -> None:
    await send(provider.api, oauth2(provider))
    await clock.advance_us((TOKEN_LIFETIME_SECONDS - MARGIN_SECONDS) * 1_000_000 - 1)
    await send(provider.api, oauth2(provider))
    assert len(provider.given) == 1
    await clock.advance_us(1)
    await send(provider.api, oauth2(provider))
    assert len(provider.given) == 2


async def test_a_token_that_lives_shortly_is_used_for_half_its_life(
    provider: TokenProvider, send: Send, clock: ManualClock
) -> None:
    provider.lifetime_seconds = 10
    await send(provider.api, oauth2(provider))
    await clock.advance_us(4_999_999)
    await send(provider.api, oauth2(provider))
    assert len(provider.given) == 1
    await clock.advance_us(1)
    await send(provider.api, oauth2(provider))
    assert len(provider.given) == 2


@pytest.mark.parametrize(
    "changes",
    [{"scopes": ["other"]}, {"audiences": ["other"]}, {"request": {"encoding": "application/json"}}],
)
async def test_a_token_is_kept_for_everything_that_makes_it(
    provider: TokenProvider, send: Send, changes: dict[str, Json]
) -> None:
    await send(provider.api, oauth2(provider))
    await send(provider.api, oauth2(provider, **changes))
    await send(provider.api, oauth2(provider))
    assert len(provider.given) == 2


async def test_namespaces_share_no_tokens(provider: TokenProvider, send: Send) -> None:
    for namespace in ("shop", "other", "shop"):
        await send(provider.api, oauth2(provider), namespace=namespace)
    assert len(provider.given) == 2


async def test_a_wrong_secret_is_given_no_token_of_the_right_one(provider: TokenProvider, send: Send) -> None:
    await send(provider.api, oauth2(provider))
    wrong: Json = {**CLIENT, "secret": "wrong"}
    assert kind(error(await send(provider.api, oauth2(provider, client=wrong)))) == ("authentication", 401)


async def test_calls_at_once_ask_for_one_token(provider: TokenProvider, send: Send) -> None:
    provider.delay_seconds = 0.1
    outcomes = await asyncio.gather(*(send(provider.api, oauth2(provider)) for _ in range(12)))
    assert {value(outcome)["subject"] for outcome in outcomes} == {"the client"}
    assert len(provider.asked) == 1


async def test_a_cancelled_call_leaves_the_others_their_token(provider: TokenProvider, send: Send) -> None:
    provider.delay_seconds = 0.2
    first = asyncio.ensure_future(send(provider.api, oauth2(provider)))
    async with asyncio.timeout(5):
        while not provider.asked:  # noqa: ASYNC110 - another thread has no event for us
            await asyncio.sleep(0.005)
    second = asyncio.ensure_future(send(provider.api, oauth2(provider)))
    await asyncio.sleep(0)
    first.cancel()
    assert value(await second)["subject"] == "the client"
    assert len(provider.asked) == 1


async def test_a_kept_token_that_is_refused_is_fetched_once_more(provider: TokenProvider, send: Send) -> None:
    await send(provider.api, oauth2(provider))
    provider.end_all_tokens()
    outcome = await send(provider.api, oauth2(provider), method="post", body="an order")
    assert value(outcome)["body"] == "an order"
    assert (len(provider.given), provider.api_calls) == (2, 3)
    await send(provider.api, oauth2(provider))
    assert len(provider.given) == 2


async def test_calls_at_once_whose_token_is_refused_fetch_one(provider: TokenProvider, send: Send) -> None:
    # More than there are connections: each gives its own back before it waits for the token.
    await send(provider.api, oauth2(provider))
    provider.end_all_tokens()
    outcomes = await asyncio.gather(*(send(provider.api, oauth2(provider)) for _ in range(12)))
    assert {value(outcome)["subject"] for outcome in outcomes} == {"the client"}
    assert len(provider.given) == 2


async def test_a_new_token_that_is_refused_is_not_fetched_again(provider: TokenProvider, send: Send) -> None:
    provider.fault = answering(b'{"access_token": "no-such-token", "token_type": "bearer"}')
    for calls in (1, 3):
        assert kind(error(await send(provider.api, oauth2(provider)))) == ("communication", 401)
        assert provider.api_calls == calls
    assert len(provider.asked) == 2
