"""A cluster, its weather and its story: one seed, played to the end and checked all the way."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from tests.simulation.cluster.actions import Ledger, Provider, Replica, Stream
from tests.simulation.cluster.clients import Clients
from tests.simulation.cluster.clocks import TrueClock
from tests.simulation.cluster.documents import SIMULATED_KINDS, ExplodeNode, shelf
from tests.simulation.cluster.ending import Ending, check_ending, ending_of
from tests.simulation.cluster.engines import Batch, Engine
from tests.simulation.cluster.folds import Folds
from tests.simulation.cluster.invariants import (
    Caches,
    Committed,
    Complete,
    Epochs,
    Fence,
    Invariant,
    Once,
    Order,
    Poison,
    Prompt,
    Rows,
    Timely,
)
from tests.simulation.cluster.loop import MICRO, Process, SeededLoop
from tests.simulation.cluster.network import Network
from tests.simulation.cluster.ports import SharedLog, SharedStore, log_port, store_port
from tests.simulation.cluster.stories import Story
from tests.simulation.cluster.violations import Violation
from tests.simulation.cluster.weather import Weather
from tidemill.api.actions.v1 import action_service_pb2 as pb
from tidemill.engine.core.state import Phase
from tidemill.engine.settings import Settings
from tidemill.engine.store.rows import ShardCommit, ShardRow
from tidemill.json import Json
from tidemill.storage import StorageUnavailableError

START_US: Final = 1_772_442_000 * MICRO
STEPS_MAX: Final = 100_000
SUPERVISION_US: Final = 500_000
RESTART_US_MAX: Final = 2 * MICRO
# How long the cluster may take until it is well again.
RECOVERY_US: Final = 6 * MICRO
# How long executions may go on before they are cancelled, and how long that may take.
RUN_US_MAX: Final = 40 * MICRO
END_US_MAX: Final = 90 * MICRO


@dataclass(slots=True)
class Shape:
    """How large a cluster is, and how tight its limits are."""

    engines: int
    replicas: int
    shards: int
    settings: Settings


def draw_shape(random: Random, *, is_steady: bool) -> Shape:
    """The cluster of a seed; in a steady story it forgets nothing."""
    shards = random.choice((1, 2, 4))
    settings = Settings(
        shards=shards,
        snapshot_events_min=random.choice((1, 5, 1000)),
        cache_executions_max=random.choice((1, 3, 1000)),
        batch_items_max=random.choice((1, 4, 512)),
        batch_shard_max=random.choice((1, 4, 64)),
        batch_commands_min=random.choice((1, 16)),
        log_ahead_max=random.choice((1, 3, 1000)),
        inbox_commands_max=random.choice((2, 1000)),
        messages_a_batch_max=random.choice((0, 2, 2048)),
        outbox_rows_in_memory_max=random.choice((2, 1000)),
        outbox_append_rows_max=random.choice((1, 1000)),
        timers_in_memory_max=random.choice((2, 1000)),
        timer_page_rows=random.choice((1, 1000)),
        timer_horizon_us=random.choice((2 * MICRO, 60 * MICRO)),
        calls_in_flight_max=random.choice((1, 1000)),
        calls_waiting_max=random.choice((2, 1000)),
        owing_page_rows=random.choice((1, 1000)),
        lane_events_max=1000 if is_steady else random.choice((1, 2, 1000)),
        subscribers_per_event_max=random.choice((1, 1000)),
        log_trim_margin_records=random.choice((0, 1000)),
        housekeeping_interval_us=5 * MICRO,
        catalogue_poll_us=10 * MICRO,
    )
    return Shape(random.choice((1, 2, 2, 3)), random.choice((1, 1, 2)), shards, settings)


class World:
    """Everything of one seed."""

    def __init__(
        self, seed: int, shape: Shape, weather: Weather, story: Story, *, is_told: bool = False
    ) -> None:
        self.seed = seed
        self.shape = shape
        self.weather = weather
        self.story = story
        self.random = Random(seed * 2 + 1)
        self.loop = SeededLoop(seed, START_US)  # type: ignore[abstract]
        self.network = Network(self.loop, weather)
        self.network.kill = self._kill
        self.folds = Folds()
        self.store = SharedStore(shape.shards, TrueClock(self.loop))
        self.store.observer = self
        self.log = SharedLog(shape.shards)
        self.log.observer = self
        self.engines: list[Engine] = []
        self.streams: list[Stream] = []
        self._by_process: dict[Process, Engine] = {}
        self._generation = 0
        ledger, self.provider = Ledger(), Provider()
        self.replicas = [Replica(n, self.loop, self.network, ledger) for n in range(shape.replicas)]
        self.clients = Clients(self.loop, self.network, lambda: self.engines, seed)
        self.invariants: list[Invariant] = [
            Fence(), Order(), Once(), Complete(), Timely(), Rows(self.store), Poison(),
        ]  # fmt: skip
        self.prompt = Prompt()
        self.invariants.append(self.prompt)
        self.epochs = Epochs()
        self.caches = Caches(self.folds, self.store)
        self.trace: list[str] = []
        self.digest = 0
        self._is_told = is_told
        for replica in self.replicas:
            replica.provider = self.provider
            replica.seen = self._called
            replica.emit = self._emitted

    def play(self) -> "Ending":
        """Play the story to its end; raises Violation."""
        shelf().put(self.store, with_ticker=self.story.has_schedule)
        ExplodeNode.on = True
        try:
            return self.loop.run(self._play, STEPS_MAX)
        except Violation:
            raise
        except Exception as error:
            raise Violation("nothing unforeseen happens", f"{type(error).__name__}: {error}") from error
        finally:
            self.loop.close()

    # The story.

    async def _play(self) -> "Ending":
        for number in range(self.shape.engines):
            self._start_engine(number)
        self._begin_weather()
        self.clients.play(self.story)
        await self.loop.pause_us(self.story.lasts_us + 3 * MICRO)
        self._heal()
        await self.loop.pause_us(RECOVERY_US)
        self.prompt.begin(
            [engine.clock.now_us() for engine in self.engines]
            + [self.store.row(shard).clock_us for shard in range(self.shape.shards)]
        )
        await self._rest(RUN_US_MAX)
        await self._take_up_letters()
        await self._rest(RUN_US_MAX)
        await self._end_what_waits()
        if unrest := await self._rest(END_US_MAX):
            raise Violation("everything comes to rest", f"not in {END_US_MAX} us: {unrest}")
        check_ending(self)
        return ending_of(self)

    def _heal(self) -> None:
        """From now on all goes well: whoever died or stopped comes back, and the bugs are mended."""
        self.tell("the weather clears")
        self.weather.heal()
        ExplodeNode.on = False
        self.store.refuses = False
        for engine in self.engines:
            if engine.process.held is not None:
                self.loop.go_on(engine.process)
            if engine.process.alive:
                # Who sleeps until a timer is due does not see that the clock has gone on meanwhile.
                engine.assembly.memory.timers.wake.set()

    async def _rest(self, us_max: int) -> str:
        """Let everything come to rest; what is left to do when the time is over."""
        deadline_us = self.loop.now_us + us_max
        calm, unrest = 0, ""
        while calm < 2:
            await self.loop.pause_us(MICRO)
            unrest = self.unrest()
            calm = 0 if unrest else calm + 1
            if self.loop.now_us > deadline_us:
                return unrest
        return ""

    def unrest(self) -> str:
        """What is left to do."""
        if not self.clients.idle:
            return "clients wait"
        for shard in range(self.shape.shards):
            row = self.store.row(shard)
            if row.log_offset != self.log.end(shard):
                return f"shard {shard} of {row.owner!r} has applied {row.log_offset} of {self.log.end(shard)}"
        if self.store._outbox:
            return f"{len(self.store._outbox)} messages are under way"
        if self.store._timers:
            return f"{len(self.store._timers)} timers stand"
        owing = [fold.state.execution_id for fold in self.folds.by_id.values() if fold.state.owes]
        return f"{owing} owe" if owing else ""

    async def _take_up_letters(self) -> None:
        letters = list(self.store._dead_letters.values())
        for letter in letters:
            await self.clients.redrive(letter)

    async def _end_what_waits(self) -> None:
        """What waits for events that never come, or for its operator, is cancelled."""
        for fold in list(self.folds.by_id.values()):
            if fold.state.halt in (None, Phase.SUSPENDED) and not fold.state.parent:
                await self.clients.steer("cancel", fold.state.execution_id)

    # The weather.

    def _begin_weather(self) -> None:
        weather = self.weather
        faults = (
            (weather.crash_every_us, self._crash_one),
            (weather.stop_every_us, self._stop_one),
            (weather.leave_every_us, self._ask_one_to_leave),
            (weather.clock_jump_every_us, self._move_a_clock),
            (weather.stream_break_every_us, self._break_a_stream),
            (weather.action_crash_every_us, self._crash_a_replica),
        )
        for every_us, fault in faults:
            if every_us:
                self.loop.start(self._keep_on(every_us, fault), None, "weather")
        self.loop.start(self._supervise(), None, "supervisor")

    async def _keep_on(self, every_us: int, fault: object) -> None:
        assert callable(fault)
        while True:
            await self.loop.pause_us(self.weather.next_us(every_us))
            if self.weather.is_calm:
                return
            fault()

    async def _supervise(self) -> None:
        """Start again what has died."""
        while True:
            await self.loop.pause_us(SUPERVISION_US)
            for number, engine in enumerate(self.engines):
                if not engine.process.alive:
                    if not self.weather.is_calm:
                        await self.loop.pause_us(int(self.random.random() * RESTART_US_MAX))
                    self._start_engine(number)

    def _start_engine(self, number: int) -> None:
        self._generation += 1
        skew_us = int((self.random.random() * 2 - 1) * self.weather.skew_us_max)
        name = f"engine-{number}.{self._generation}"
        engine = Engine(name, self.loop, skew_us=skew_us, seed=self.random.randrange(2**32))
        engine.after_batch = self._after_batch
        engine.raised = self._raised
        store = store_port(self.store, self.network, engine.process, engine.asks)
        log = log_port(self.log, self.shape.shards, self.network, engine.process)
        engine.build(self.shape.settings, store, log, SIMULATED_KINDS)
        shelf().lend(engine.assembly.catalogue)
        self._by_process[engine.process] = engine
        if number < len(self.engines):
            self.engines[number] = engine
        else:
            self.engines.append(engine)
        streams = [Stream(engine, replica, self.loop, self.network) for replica in self.replicas]
        self.streams = [stream for stream in self.streams if stream.process.alive] + streams
        engine.start([*streams])
        self.tell(f"{name} starts, its clock wrong by {skew_us} us")

    def _kill(self, process: Process) -> None:
        process.alive = False
        engine = self._by_process[process]
        engine.is_open = False
        self.tell(f"{engine.name} dies")

    def _pick(self) -> Engine | None:
        running = [engine for engine in self.engines if engine.process.running and not engine.is_stopping]
        return self.random.choice(running) if running else None

    def _crash_one(self) -> None:
        if (engine := self._pick()) is not None:
            self.weather.count("crash")
            self._kill(engine.process)

    def _stop_one(self) -> None:
        if (engine := self._pick()) is None:
            return
        self.weather.count("stopped process")
        self.tell(f"{engine.name} is stopped")
        self.loop.stop_process(engine.process)
        for_us = int(self.random.random() * 7 * MICRO)
        self.loop.at(self.loop.now_us + for_us, self._go_on, engine.process, context=self.network.outside)

    def _go_on(self, process: Process) -> None:
        if process.held is not None:
            self.tell(f"{process.name} goes on")
            self.loop.go_on(process)

    def _ask_one_to_leave(self) -> None:
        engine = self._pick()
        if engine is not None and engine.is_open:
            self.weather.count("graceful stop")
            self.tell(f"{engine.name} leaves")
            engine.is_open = False
            self.loop.start(engine.leave(), engine.process, "leaving")

    def _move_a_clock(self) -> None:
        if (engine := self._pick()) is not None:
            self.weather.count("clock jump")
            engine.clock.skew_us += int((self.random.random() * 2 - 1) * 5 * MICRO)

    def _after_batch(self, engine: Engine) -> None:
        """Look at what is in memory; what has come to the inbox meanwhile may have seen a later time."""
        self.caches.check(engine)
        if self.weather.happens(self.weather.setting_back):
            self.weather.count("clock set back")
            engine.clock.skew_us -= int(self.random.random() * 2 * MICRO)

    def _break_a_stream(self) -> None:
        if self.streams:
            self.weather.count("broken stream")
            self.random.choice(self.streams).lose()

    def _crash_a_replica(self) -> None:
        self.weather.count("actions crash")
        replica = self.random.choice(self.replicas)
        replica.crash()
        for stream in self.streams:
            if stream.replica is replica:
                stream.lose()

    # What is seen.

    def taken(self, process: Process, before: Sequence[ShardRow], after: Sequence[ShardRow]) -> None:
        for old, new in zip(before, after, strict=True):
            self.epochs.taken(old, new)
        self.tell(f"{process.name} takes {[(row.shard, row.epoch) for row in after]}")

    def committing(self, process: Process, commits: Sequence[ShardCommit]) -> None:
        self._before = {commit.shard: self.store.row(commit.shard) for commit in commits}

    def committed(self, process: Process, commits: Sequence[ShardCommit], written: set[int]) -> None:
        engine = self._by_process.get(process)
        for commit in commits:
            if commit.shard not in written:
                self.weather.count("fenced commit")
                self.tell(f"{process.name} is fenced on {commit.shard}, epoch {commit.epoch}")
                continue
            try:
                self._check(engine, commit)
            except Violation as violation:
                # Whatever becomes of it in the hands of who commits.
                self.loop.errors.append(violation)
                raise
            for row in commit.histories:
                self.digest = zlib.crc32(row.data, self.digest)
            self._tell_commit(process, commit)

    def _check(self, engine: Engine | None, commit: ShardCommit) -> None:
        grown = [self.folds.grow(row, commit.shard) for row in commit.histories]
        batch = Batch() if engine is None else engine.batch_of(commit)
        seen = Committed(engine, batch, commit, self._before[commit.shard], grown)
        for invariant in self.invariants:
            invariant.committed(seen)

    def appended(self, process: Process, records: Sequence[tuple[int, bytes]], offsets: list[int]) -> None:
        self.tell(f"{process.name} appends {[(r[0], o) for r, o in zip(records, offsets, strict=True)]}")

    def _tell_commit(self, process: Process, commit: ShardCommit) -> None:
        if self._is_told:
            histories = [(row.execution_id[:13], row.sequence, row.last_sequence) for row in commit.histories]
            self.tell(
                f"{process.name} commits {commit.commit_number} of shard {commit.shard} up to offset "
                f"{commit.log_offset}: {histories}, {len(commit.outbox)} messages"
            )

    def _called(self, call: pb.ActionCall) -> None:
        if (call.key, call.attempt) not in self.folds.requested:
            raise Violation("nothing leaves before it is stored", f"{call.key} attempt {call.attempt}")

    def _raised(self, engine: Engine, loop: str, error: Exception) -> None:
        self.tell(f"{engine.name}: {loop} raised {error!r}")
        if isinstance(error, Violation):
            raise error
        if not isinstance(error, StorageUnavailableError):
            raise Violation("nothing unforeseen happens", f"{loop} raised {error!r}") from error

    async def _emitted(self, _namespace: str, event: dict[str, Json]) -> None:
        await self.clients.tell(
            str(event["id"]), str(event["type"]), str(event.get("subject", "")), event.get("data")
        )

    def tell(self, what: str) -> None:
        """Add a line to the trace."""
        if self._is_told:
            self.trace.append(f"{(self.loop.now_us - START_US) / MICRO:9.4f}  {what}")
