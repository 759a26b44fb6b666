"""The ledger in Postgres: the contract, races of replicas, leases by the server's clock, its tables."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from tests.contract.ledger_suite import LedgerSuite, ask, hold_of
from tests.contract.postgres_ledger import LEASE_US, JoinedLedger, joined_ledger
from tests.contract.replica_suite import ReplicaSuite
from tests.unit.actions.samples import FAILURE, NOW_US, SUCCESS, claim
from tidemill.actions.core.decision import Claim
from tidemill.actions.core.model import CANCELLED, ActionState, Cancellation, Outcome
from tidemill.actions.ledger import postgres_rows
from tidemill.actions.ledger.port import Answered, Granted, Held, LeaseLostError, Record
from tidemill.actions.ledger.postgres import (
    PostgresLedger,
    PostgresReplicas,
    ledger_options,
    migrate_ledger,
    open_ledger,
)
from tidemill.storage import StoreTooOldError

RACED_KEYS = 1_000


class TestPostgresLedger(LedgerSuite):
    @pytest.fixture
    async def ledger(self, postgres_url: str) -> AsyncIterator[JoinedLedger]:
        async with joined_ledger(postgres_url) as ledger:
            # Each token of a test is that of another process.
            ledger.holders = [await ledger.replicas.join(str(number)) for number in range(7)]
            yield ledger


class TestReplicasInPostgres(ReplicaSuite):
    @pytest.fixture
    async def joined(self, postgres_url: str) -> AsyncIterator[JoinedLedger]:
        async with joined_ledger(postgres_url) as ledger:
            yield ledger

    @pytest.fixture
    def ledger(self, joined: JoinedLedger) -> PostgresLedger:
        return PostgresLedger(joined.postgres)

    @pytest.fixture
    def replicas(self, joined: JoinedLedger) -> PostgresReplicas:
        return joined.replicas


@pytest.fixture
async def pair(postgres_url: str) -> AsyncIterator[tuple[JoinedLedger, JoinedLedger]]:
    """Two replicas on one database."""
    async with joined_ledger(postgres_url) as first, joined_ledger(postgres_url) as second:
        yield first, second


def claims(token: int, attempt: int = 1, count: int = RACED_KEYS) -> list[Claim]:
    return [claim(f"k{number}", attempt, token * RACED_KEYS + number) for number in range(count)]


async def race(
    pair: tuple[JoinedLedger, JoinedLedger], ours: list[Claim], theirs: list[Claim]
) -> Counter[str]:
    """Have four replicas claim in batches at once, in opposite orders; how often each key was granted."""
    first, second = pair
    third, fourth = await twin(first), await twin(second)
    granted: Counter[str] = Counter()

    async def work(ledger: JoinedLedger, wanted: list[Claim]) -> None:
        for start in range(0, len(wanted), 50):
            batch = wanted[start : start + 50]
            granted.update(one.key for one in await ledger.granted(batch, NOW_US))

    await asyncio.gather(
        work(first, ours), work(second, theirs[::-1]), work(fourth, theirs), work(third, ours)
    )
    return granted


async def twin(ledger: JoinedLedger) -> JoinedLedger:
    """Another replica on the same connections."""
    made = JoinedLedger(ledger.postgres, LEASE_US)
    made.holder = await made.replicas.join("twin")
    return made


async def test_of_two_replicas_that_claim_the_same_keys_at_once_one_is_granted_each(
    pair: tuple[JoinedLedger, JoinedLedger],
) -> None:
    granted = await race(pair, claims(1), claims(2))
    assert granted == Counter(f"k{number}" for number in range(RACED_KEYS))


async def test_two_attempts_of_a_key_at_once_are_not_both_granted(
    pair: tuple[JoinedLedger, JoinedLedger],
) -> None:
    granted = await race(pair, claims(1, 1), claims(2, 2))
    assert granted == Counter(f"k{number}" for number in range(RACED_KEYS))


async def test_claims_of_the_dead_are_taken_over_once_each(
    pair: tuple[JoinedLedger, JoinedLedger], postgres_url: str
) -> None:
    async with joined_ledger(postgres_url) as dead:
        assert len(await dead.granted(claims(3), NOW_US)) == RACED_KEYS
        await dead.replicas.leave(dead.holder)
    granted = await race(pair, claims(1), claims(2))
    assert granted == Counter(f"k{number}" for number in range(RACED_KEYS))


async def test_claims_of_the_dead_are_taken_over_or_followed_by_the_next_attempt_but_not_both(
    pair: tuple[JoinedLedger, JoinedLedger], postgres_url: str
) -> None:
    async with joined_ledger(postgres_url) as dead:
        await dead.claim(claims(3), NOW_US)
        await dead.replicas.leave(dead.holder)
    granted = await race(pair, claims(1, 1), claims(2, 2))
    assert granted == Counter(f"k{number}" for number in range(RACED_KEYS))


async def test_a_call_and_its_cancellation_at_once_have_one_outcome(
    pair: tuple[JoinedLedger, JoinedLedger],
) -> None:
    first, second = pair
    wanted = claims(1, count=200)
    cancellations = [Cancellation(one.key, 1) for one in wanted]
    granted, outcomes = await asyncio.gather(
        first.granted(wanted, NOW_US), second.cancel(cancellations[::-1], NOW_US)
    )
    running = {one.key for one in granted}
    cancelled = {f"k{199 - place}" for place, outcome in enumerate(outcomes) if outcome == CANCELLED}
    assert running.isdisjoint(cancelled)
    assert len(running | cancelled) == 200


async def test_a_race_that_was_lost_is_told_from_what_stands(pair: tuple[JoinedLedger, JoinedLedger]) -> None:
    """The row comes between the reading and the writing of the other claim."""
    first, second = pair
    async with second.postgres._pool.acquire() as connection, connection.transaction():
        there = claim(token=9, holder=second.holder)
        await connection.fetch(postgres_rows.INSERT, *([value] for value in _columns(there)))
        waiting = asyncio.ensure_future(ask(first, claim()))
        await _until_blocked(second)
    assert await waiting == [Held(there.lease_until_us)]


async def test_a_lost_race_for_an_outcome_is_answered_from_it(
    pair: tuple[JoinedLedger, JoinedLedger],
) -> None:
    first, second = pair
    async with second.postgres._pool.acquire() as connection, connection.transaction():
        key = postgres_rows.hash_of("k")
        await connection.fetch(postgres_rows.ENTOMB, [key], [1], ["k"], int(ActionState.CANCELLED), NOW_US)
        waiting = asyncio.ensure_future(ask(first, claim()))
        await _until_blocked(second)
    assert await waiting == [Answered(CANCELLED)]


def _columns(one: Claim) -> tuple[object, ...]:
    key_hash = postgres_rows.hash_of(one.key)
    return key_hash, one.attempt, one.key, one.digest, one.token, one.lease_until_us, one.holder


async def _until_blocked(ledger: JoinedLedger) -> None:
    """Return once somebody waits for a lock: the server alone knows."""
    query = "SELECT pg_sleep(0.01), (SELECT count(*) FROM pg_locks WHERE NOT granted)"
    async with asyncio.timeout(20), ledger.postgres._pool.acquire() as connection:
        while not await connection.fetchval(query, column=1):
            pass


async def test_a_lease_runs_out_by_the_clock_of_the_server(postgres_url: str) -> None:
    async with joined_ledger(postgres_url, lease_us=100_000) as paused, joined_ledger(postgres_url) as other:
        one = claim()
        hold = await hold_of(paused, one)
        assert isinstance((await ask(other, claim(token=2)))[0], Held)
        await other.postgres.run(lambda connection: connection.execute("SELECT pg_sleep(0.15)"))
        assert not await paused.replicas.renew(paused.holder)
        with pytest.raises(LeaseLostError):
            await ask(paused, claim("another"))
        assert await ask(other, claim(token=2)) == [Granted(hold)]
        assert await paused.record([Record(one, hold, SUCCESS)]) == [None]
        paused.holder = await paused.replicas.join("again")
        assert isinstance((await ask(paused, claim("another")))[0], Granted)


async def test_large_outcomes_go_in_parts(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_rows, "STATEMENT_BYTES_MAX", 1_000)
    large = Outcome(ActionState.SUCCEEDED, b"x" * 600)
    async with joined_ledger(postgres_url) as ledger:
        wanted = claims(1, count=5)
        records = [Record(one, await hold_of(ledger, one), large) for one in wanted]
        assert await ledger.record(records) == [large] * 5
        unheld = [Record(claim(f"u{number}"), 0, large) for number in range(5)]
        assert await ledger.record([*unheld, *records]) == [large] * 10


async def test_a_batch_of_a_thousand_calls(postgres_url: str) -> None:
    async with joined_ledger(postgres_url) as ledger:
        wanted = claims(1)
        answers = await ledger.claim(wanted, NOW_US)
        holds = [answer.hold for answer in answers if isinstance(answer, Granted)]
        records = [Record(one, hold, FAILURE) for one, hold in zip(wanted, holds, strict=True)]
        assert await ledger.record(records) == [FAILURE] * RACED_KEYS
        await ledger.settle([one.key for one in wanted], NOW_US)
        assert await ledger.expire(NOW_US + 1, RACED_KEYS) == RACED_KEYS


async def test_statements_use_the_indexes_however_few_rows_there_are(postgres_url: str) -> None:
    async with joined_ledger(postgres_url) as ledger:
        await ledger.claim(claims(1), NOW_US)
        key = [postgres_rows.hash_of("k1")]
        for statement, arguments in (
            (postgres_rows.READ, (key,)),
            (postgres_rows.RECORD, (key, [1], [1], [1], [b"{}"], [None])),
            (postgres_rows.SETTLE, (key, NOW_US)),
            (postgres_rows.LOCK, (key,)),
            (postgres_rows.EXPIRE, (NOW_US, 10)),
        ):
            explained = await ledger.postgres.run(
                lambda c, s=statement, a=arguments: c.fetch(f"EXPLAIN {s}", *a)  # type: ignore[misc]
            )
            plan = "\n".join(line for (line,) in explained)
            assert "Seq Scan on call" not in plan, plan


async def test_a_database_without_the_tables_says_what_to_run(postgres_url: str) -> None:
    with pytest.raises(StoreTooOldError, match="tidemill migrate"):
        await open_ledger(postgres_url, ledger_options(1, 1_000_000))
    assert await migrate_ledger(postgres_url) == 1
    assert await migrate_ledger(postgres_url) == 0
    await (await open_ledger(postgres_url, ledger_options(1, 1_000_000))).close()
