"""The ledger in memory is the oracle: random work gives the same answers and rows in the file."""

import asyncio
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.actions.samples import DIGEST, FAILURE, NOW_US, OTHER_DIGEST, SUCCESS
from tidemill.action_kit import EffectClass
from tidemill.actions.core.decision import Claim
from tidemill.actions.core.model import Cancellation, Outcome
from tidemill.actions.ledger.memory import MemoryLedger
from tidemill.actions.ledger.port import Granted, Ledger, Record
from tidemill.actions.ledger.sqlite import FILE_NAME, SqliteLedger

KEYS = ("a", "b")
LEASE_US = 10
OPERATIONS = ("claim", "record", "release", "cancel", "settle", "expire")
STEPS = st.lists(
    st.tuples(
        st.sampled_from((*OPERATIONS, "claim", "claim", "record")),
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
WALK = walk("claim", "release", "claim", "record", "cancel", "settle", "expire", "cancel")


class Driver:
    """Does the steps on one ledger; what it grants may be recorded or released later, also too late."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
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
                await self.ledger.release([(hold, claim.token)])
            case "cancel":
                return await self.ledger.cancel([Cancellation(key, number)], self.now_us)
            case "settle":
                await self.ledger.settle([key], self.now_us)
            case "expire":
                return await self.ledger.expire(self.now_us, number)
            case _:
                pass
        return None

    async def claim(self, key: str, attempt: int, effect_class: EffectClass, digest: bytes) -> object:
        self.token += 1
        claim = Claim(key, attempt, digest, effect_class, self.token, self.now_us + LEASE_US)
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


async def compare(steps: list[Step], seen: Counter[str]) -> None:
    with TemporaryDirectory() as folder:
        in_file = SqliteLedger(Path(folder) / FILE_NAME)
        oracle, tried = Driver(MemoryLedger()), Driver(in_file)
        try:
            for step in steps:
                expected = await oracle.step(step)
                assert await tried.step(step) == expected, step
                assert await tried.rows() == await oracle.rows(), step
                if expected:
                    seen[step[0]] += 1
        finally:
            await in_file.close()


def test_random_work_gives_the_same_answers_and_rows() -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=30, deadline=None)
    @given(STEPS)
    @example(WALK)
    def run(steps: list[Step]) -> None:
        asyncio.run(compare(steps, seen))

    run()
    # Otherwise only the ways to fail would have been compared.
    assert set(OPERATIONS) - {"settle", "release"} <= set(seen)
