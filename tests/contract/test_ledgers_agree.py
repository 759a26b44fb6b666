"""The ledger in memory is the oracle: random work gives the same answers and rows in file and server."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.contract.postgres_ledger import joined_ledger
from tests.unit.actions.samples import DIGEST, FAILURE, NOW_US, OTHER_DIGEST, SUCCESS
from tidemill.action_kit import EffectClass
from tidemill.actions.core.decision import Claim
from tidemill.actions.core.model import Cancellation, Outcome
from tidemill.actions.ledger.memory import MemoryLedger
from tidemill.actions.ledger.port import Alone, Granted, Ledger, Record, Replicas
from tidemill.actions.ledger.postgres import PostgresLedger
from tidemill.actions.ledger.sqlite import FILE_NAME, SqliteLedger

KEYS = ("a", "b")
LEASE_US = 10
OPERATIONS = ("claim", "record", "release", "cancel", "settle", "expire")
# Of those that replicas share alone: the one that claims dies, and another one goes on.
DIE = "die"
STEPS = st.lists(
    st.tuples(
        st.sampled_from((*OPERATIONS, "claim", "claim", "record", DIE)),
        st.sampled_from(KEYS),
        st.integers(1, 3),
        st.sampled_from(EffectClass),
        st.sampled_from((DIGEST, OTHER_DIGEST)),
        st.sampled_from((SUCCESS, FAILURE)),
        st.integers(0, 12),
    ),
    max_size=40,
)
Step = tuple[str, str, int, EffectClass, bytes, Outcome, int]


def walk(*names: str) -> list[Step]:
    """Steps of one attempt, a little time apart."""
    return [(name, "a", 1, EffectClass.ONCE, DIGEST, SUCCESS, 1) for name in names]


# Whatever chance brings, each operation succeeds in this one.
WALK = walk(
    "claim", "release", "claim", "record", "cancel", "settle", "expire", "cancel", "claim", DIE, "claim"
)


class Driver:
    """Does the steps on one ledger; what it grants may be recorded or released later, also too late."""

    def __init__(self, ledger: Ledger, replicas: Replicas) -> None:
        self.ledger = ledger
        self.replicas = replicas
        self.holder = 0
        self.granted: list[tuple[Claim, int]] = []
        self.token = 0
        self.now_us = NOW_US

    async def step(self, step: Step) -> object:
        name, key, number, effect_class, digest, outcome, passed_us = step
        self.now_us += passed_us
        match name:
            case "claim":
                return await self.claim(key, number, effect_class, digest)
            case "record" if self.granted:
                claim, hold = self.granted[number % len(self.granted)]
                return await self.ledger.record([Record(claim, hold, outcome)])
            case "release" if self.granted:
                claim, hold = self.granted.pop(number % len(self.granted))
                await self.ledger.release([(hold, claim)])
            case "cancel":
                return await self.ledger.cancel([Cancellation(key, number)], self.now_us)
            case "settle":
                await self.ledger.settle([key], self.now_us)
            case "expire":
                return await self.ledger.expire(self.now_us, number)
            case "die":
                await self.replicas.leave(self.holder)
                await self.join()
                return await self.replicas.renew(self.holder)
            case _:
                pass
        return None

    async def join(self) -> None:
        self.holder = await self.replicas.join("test")

    async def claim(self, key: str, attempt: int, effect_class: EffectClass, digest: bytes) -> object:
        self.token += 1
        claim = Claim(key, attempt, digest, effect_class, self.token, self.now_us + LEASE_US, self.holder)
        [answer] = await self.ledger.claim([claim], self.now_us)
        if not isinstance(answer, Granted):
            return answer
        if effect_class is not EffectClass.PURE:
            self.granted.append((claim, answer.hold))
        return "granted", answer.hold > 0

    async def rows(self) -> list[object]:
        return [
            (key, row.attempt, row.digest, row.token, row.outcome)
            for key in KEYS
            for row in sorted(await self.ledger.lookup(key), key=lambda row: row.attempt)
        ]


@asynccontextmanager
async def in_file() -> AsyncIterator[Driver]:
    with TemporaryDirectory() as folder:
        ledger = SqliteLedger(Path(folder) / FILE_NAME)
        yield Driver(ledger, Alone())
        await ledger.close()


@asynccontextmanager
async def in_postgres(url: str) -> AsyncIterator[Driver]:
    async with joined_ledger(url) as joined:
        await joined.postgres.run(lambda connection: connection.execute("TRUNCATE call"))
        driver = Driver(PostgresLedger(joined.postgres), joined.replicas)
        await driver.join()
        yield driver


def in_memory() -> Driver:
    ledger = MemoryLedger()
    return Driver(ledger, ledger)


async def compare(steps: Sequence[Step], oracle: Driver, tried: Sequence[Driver], seen: Counter[str]) -> None:
    for step in steps:
        expected = await oracle.step(step)
        rows = await oracle.rows()
        for driver in tried:
            assert await driver.step(step) == expected, step
            assert await driver.rows() == rows, step
        if expected:
            seen[step[0]] += 1


def run_random(compare_steps: Callable[[list[Step]], Coroutine[None, None, None]], examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(STEPS)
    @example(WALK)
    def run(steps: list[Step]) -> None:
        asyncio.run(compare_steps(steps))

    run()


def test_random_work_gives_the_same_answers_and_rows_in_a_file() -> None:
    seen: Counter[str] = Counter()

    async def work(steps: list[Step]) -> None:
        async with in_file() as file:
            # Whoever is alone does not die while its ledger is open.
            await compare([step for step in steps if step[0] != DIE], in_memory(), [file], seen)

    run_random(work, 30)
    # Otherwise only the ways to fail would have been compared.
    assert set(OPERATIONS) - {"settle", "release"} <= set(seen)


def test_random_work_gives_the_same_answers_and_rows_in_postgres(postgres_url: str) -> None:
    seen: Counter[str] = Counter()

    async def work(steps: list[Step]) -> None:
        oracle = in_memory()
        await oracle.join()
        async with in_postgres(postgres_url) as server:
            await compare(steps, oracle, [server], seen)

    run_random(work, 30)
    assert {*OPERATIONS, DIE} - {"settle", "release"} <= set(seen)
