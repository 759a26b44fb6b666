"""Random steps on a store: each is a name and a seed, and does the same on every store."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Final, get_type_hints

from tests.contract.lane_suite import LANE, NOTHING, ORDERS, OTHER_LANE, PAYMENTS, SHAPES
from tests.contract.store_suite import execution, execution_id
from tidemill.applied_offsets import AppliedOffsets
from tidemill.engine.store.port import Store
from tidemill.engine.store.retention import NamespaceRow, RetentionTerms
from tidemill.engine.store.rows import (
    CounterRow,
    DeadLetterRow,
    DefinitionRow,
    ExecutionFilter,
    HistoryRow,
    LaneEventRow,
    LaneQuery,
    LaneSeenRow,
    OutboxRow,
    RejectionRow,
    ShardCommit,
    SnapshotRow,
    SubscriberQuery,
    SubscriptionRow,
    TimerRow,
)
from tidemill.storage import StorageRefusedError

SHARDS: Final = 2
NUMBERS: Final = range(1, 6)
LANES: Final = (LANE, OTHER_LANE)
KEYS: Final = (b"", b"k")
DIGESTS: Final = (b"d", b"e", b"f")
NAMES: Final = ("a", "b")
# Which rows a limit leaves out where many may go is free; then the stores need not agree.
ALL: Final = 1_000


@dataclass
class Steps:
    """Does steps on one store; what it remembers is the same for every store that answers the same."""

    store: Store
    epochs: Counter[int] = field(default_factory=Counter)
    commits: Counter[int] = field(default_factory=Counter)
    sequences: Counter[str] = field(default_factory=Counter)
    messages: Counter[int] = field(default_factory=Counter)

    async def step(self, name: str, seed: int) -> object:
        """One step; its answer is true where it found or did something."""
        return await getattr(self, name)(Random(seed))

    async def take(self, random: Random) -> object:
        shard = random.randrange(SHARDS)
        self.epochs[shard] += 1
        return await self.store.take([shard], "a")

    async def commit(self, random: Random) -> object:
        made = self._commit(random, stale=False)
        try:
            written = await self.store.commit([made])
        except StorageRefusedError:
            return None
        if written:
            self.commits[made.shard] = made.commit_number
            self.messages[made.shard] = made.outbox_sequence
            self.sequences.update({row.execution_id: 1 for row in made.histories})
        return written

    async def commit_stale(self, random: Random) -> object:
        return not await self.store.commit([self._commit(random, stale=True)])

    def _commit(self, random: Random, *, stale: bool) -> ShardCommit:
        """A commit of one shard: executions and lanes of the other one are left alone."""
        shard = random.randrange(SHARDS)
        number = self.commits[shard] + 1
        epoch = self.epochs[shard] - stale
        made = ShardCommit(shard, epoch, number, number, number)
        self._add_executions(made, random)
        self._add_lane(made, random)
        self._add_messages(made, random)
        if random.random() < 0.3:
            made.rejections = [RejectionRow(shard, number, random.randrange(9), b"why")]
        if random.random() < 0.3:
            made.dead_letters = [DeadLetterRow(0, shard, "", random.choice(NAMES), "kind", b"i", "e", 1)]
        made.dead_letters_gone = random.choices(range(1, 9), k=random.randrange(2))
        return made

    def _add_executions(self, made: ShardCommit, random: Random) -> None:
        own = [number for number in NUMBERS if number % SHARDS == made.shard]
        for number in random.sample(own, random.randrange(len(own) + 1)):
            key = execution_id(number)
            sequence = self.sequences[key] + 1
            made.histories.append(HistoryRow(key, sequence, sequence, made.commit_number, b"%d" % sequence))
            phase = random.choice((2, 3, 7))
            made.executions.append(
                execution(
                    number, shard=made.shard, phase=phase, owes=random.random() < 0.5, kind=number % 2,
                    sequence=sequence, closed_at_us=random.randrange(1, 9) if phase == 7 else 0,
                )
            )  # fmt: skip
            if random.random() < 0.3:
                made.snapshots.append(SnapshotRow(key, sequence, b"state"))
            made.timers_gone.append((key, random.choice(NAMES)))
            made.timers_armed.append(TimerRow(made.shard, random.randrange(9), key, random.choice(NAMES)))

    def _add_lane(self, made: ShardCommit, random: Random) -> None:
        lane, shard = LANES[made.shard], made.shard
        made.shapes = SHAPES
        for number in random.sample(NUMBERS, random.randrange(4)):
            row = SubscriptionRow(
                shard, lane, random.choice((ORDERS, PAYMENTS)), random.choice(KEYS), execution_id(number),
                random.choice(NAMES), random.randrange(9),
            )  # fmt: skip
            made.subscriptions.append(row)
        added = {(row.execution_id, row.subscription_id) for row in made.subscriptions}
        gone = (execution_id(random.choice(NUMBERS)), random.choice(NAMES))
        if gone not in added:
            made.subscriptions_gone.append((lane, *gone))
        made.lane_events_gone = [(lane, random.choice(DIGESTS))]
        for digest in random.sample(DIGESTS, random.randrange(3)):
            received_us = random.randrange(9)
            made.lane_events.append(LaneEventRow(shard, lane, digest, received_us, received_us + 5, b"{}"))
            made.lanes_seen.append(LaneSeenRow(shard, lane, digest, received_us + 9))
        made.counters = [CounterRow(shard, lane, random.choice(NAMES), random.choice((b"", b"1", b"2")))]

    def _add_messages(self, made: ShardCommit, random: Random) -> None:
        made.outbox_sequence = self.messages[made.shard] + random.randrange(3)
        for sequence in range(self.messages[made.shard] + 1, made.outbox_sequence + 1):
            made.outbox.append(OutboxRow(made.shard, sequence, random.randrange(SHARDS), b"m%d" % sequence))
        made.outbox_gone = random.choices(range(1, 9), k=random.randrange(2))
        made.peers = {random.randrange(SHARDS): made.commit_number}
        made.log_ahead = (b"", b"\x02", b"\x00\xff\x00\x80")[made.commit_number % 3]

    async def load(self, random: Random) -> object:
        return await self.store.load(self._ids(random))

    async def load_whole(self, random: Random) -> object:
        return await self.store.load(self._ids(random), whole=True)

    async def get(self, random: Random) -> object:
        return await self.store.get(self._ids(random))

    @staticmethod
    def _ids(random: Random) -> list[str]:
        return [execution_id(number) for number in random.sample(range(1, 8), 5)]

    async def page_owing(self, random: Random) -> object:
        first = await self.store.page_owing(random.randrange(SHARDS), None, 1)
        return first and await self.store.page_owing(random.randrange(SHARDS), first[-1], 2) + first

    async def page_timers(self, random: Random) -> object:
        shard, until_us = random.randrange(SHARDS), random.randrange(9)
        first = await self.store.page_timers(shard, until_us, None, 1)
        return first and await self.store.page_timers(shard, until_us, first[-1], 2) + first

    async def page_executions(self, random: Random) -> object:
        wanted = ExecutionFilter(
            phases=random.choice(((), (2,), (3, 7))), with_triggers=random.random() < 0.5,
            started_from_us=random.choice((0, 1_002)), before=(1_005, execution_id(random.choice(NUMBERS))),
        )  # fmt: skip
        return await self.store.page_executions(wanted, random.randint(1, 3))

    async def history(self, random: Random) -> object:
        return await self.store.history(execution_id(random.choice(NUMBERS)), random.randint(1, 3), 2)

    async def page_commits(self, random: Random) -> object:
        return await self.store.page_commits(
            random.randrange(SHARDS), random.randrange(4), random.randint(1, 4)
        )

    async def last_commits(self, _: Random) -> object:
        return {shard: number for shard, number in (await self.store.last_commits()).items() if number}

    async def rejection(self, random: Random) -> object:
        return await self.store.rejection(random.randrange(SHARDS), random.randint(1, 9))

    async def expire_rejections(self, random: Random) -> object:
        return await self.store.expire_rejections(random.randrange(3), ALL)

    async def dead_letters(self, random: Random) -> object:
        return await self.store.dead_letters(random.choice(("", *NAMES)), random.randrange(3), 2)

    async def publish(self, random: Random) -> object:
        row = DefinitionRow(
            "shop", "cart", f"1.{random.randrange(3)}.0", str(random.random()), b"d", 1, "p", 0, b"l", b"n"
        )
        names = random.sample(NAMES, random.randrange(len(NAMES) + 1))
        return await self.store.publish(row, {name: name.encode() for name in names})

    async def contents(self, random: Random) -> object:
        found = await self.store.contents(random.sample(NAMES, random.randrange(len(NAMES) + 1)))
        return sorted(found.items())

    async def definitions(self, random: Random) -> object:
        return await self.store.definitions(random.randrange(2))

    async def peers(self, random: Random) -> object:
        return await self.store.peers(random.sample(range(SHARDS), random.randint(1, SHARDS)))

    async def page_outbox(self, random: Random) -> object:
        return await self.store.page_outbox(
            random.randrange(SHARDS), random.randrange(3), random.randint(1, 3)
        )

    async def discard_outbox(self, random: Random) -> object:
        shard = random.randrange(SHARDS)
        epoch = self.epochs[shard] - random.randrange(2)
        return await self.store.discard_outbox([(shard, epoch, random.sample(range(1, 9), 2))])

    async def read_lanes(self, random: Random) -> object:
        since_us = random.choice((None, 0, 4))
        lanes = random.sample(LANES, random.randint(1, 2))
        found = await self.store.read_lanes([LaneQuery(lane, DIGESTS, NAMES, since_us) for lane in lanes])
        return [(lane, rows) for lane, rows in sorted(found.items()) if rows != NOTHING]

    async def subscribers(self, random: Random) -> object:
        every = [(shape, key) for shape in SHAPES for key in KEYS]
        queries = [
            SubscriberQuery(
                lane, tuple(random.sample(every, random.randint(1, 4))),
                random.choice(("", execution_id(random.choice(NUMBERS)))), random.randint(1, 4),
            )
            for lane in random.sample(LANES, random.randint(1, 2))
        ]  # fmt: skip
        found = await self.store.subscribers(queries)
        return found if any(found) else None

    async def expire_lanes(self, random: Random) -> object:
        return await self.store.expire_lanes(random.randrange(20), ALL)

    async def renew_lease(self, random: Random) -> object:
        # Long leases: what the time does to short ones is another test's matter.
        return await self.store.renew_lease(
            random.choice(NAMES), ttl_us=3_600_000_000, revision=random.randrange(5)
        )

    async def end_lease(self, random: Random) -> object:
        await self.store.end_lease(random.choice(NAMES))
        return True

    async def shards(self, _: Random) -> object:
        return await self.store.shards()

    async def release(self, random: Random) -> object:
        shard = random.randrange(SHARDS)
        return await self.store.release([(shard, self.epochs[shard] - random.randrange(2))])

    async def claim_log(self, random: Random) -> object:
        return await self.store.claim_log(random.choice(NAMES))

    async def rebind_log(self, random: Random) -> object:
        shard = random.randrange(SHARDS)
        self.epochs[shard] += 1
        await self.store.rebind_log(
            random.choice(NAMES), {shard: AppliedOffsets(random.randrange(9), random.choice((0, 2, 2**70)))}
        )
        return True

    async def set_namespace(self, random: Random) -> object:
        name = random.choice(("shop", "shop", "other"))
        terms = (random.choice((None, 0, 3, 3)), random.choice((None, 0, 5, 5)))
        await self.store.set_namespace(NamespaceRow(name, *terms))
        return True

    async def namespaces(self, _: Random) -> object:
        return await self.store.namespaces()

    async def expire_histories(self, random: Random) -> object:
        # Where some are kept for ever no partition goes, and all stores do the same.
        return await self.store.expire_histories(RetentionTerms(), random.randrange(20), ALL)

    async def expire_executions(self, random: Random) -> object:
        terms = RetentionTerms(0, random.choice((0, 9)))
        return await self.store.expire_executions(terms, random.randrange(20), ALL)

    async def page_holding(self, random: Random) -> object:
        shard, before_us = random.randrange(SHARDS), random.choice((3, 1_003, 1_009))
        first = await self.store.page_holding(shard, before_us, None, 1)
        return first and await self.store.page_holding(shard, before_us, first[-1], 2) + first

    async def move_cursors(self, random: Random) -> object:
        await self.store.move_cursors(random.choice(NAMES), {random.randrange(SHARDS): random.randrange(9)})
        return True

    async def cursors(self, random: Random) -> object:
        return await self.store.cursors(random.choice(NAMES))


OPERATIONS: Final = tuple(
    name
    for name in vars(Steps)
    if not name.startswith("_") and name != "step" and name not in get_type_hints(Steps)
)
