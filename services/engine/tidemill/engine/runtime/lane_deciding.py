"""The part of the batch step that is about lanes: reads those that a round touches, and has them decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from tidemill.api.events.v1 import command_pb2
from tidemill.engine.core.pacing import next_slot
from tidemill.engine.lanes.turn import LaneLimits, LaneTurn
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.items import Item, LoggedCommand, Message, Redriven
from tidemill.engine.runtime.messages import delivery, grant, hear_on
from tidemill.engine.runtime.turns import ShardTurn
from tidemill.engine.store.port import LaneStore
from tidemill.engine.store.rows import LaneQuery, SubscriberQuery, SubscriptionRow
from tidemill.events.envelopes import envelope_of, event_digest
from tidemill.events.shapes import shape_id
from tidemill.json import Json, dumps
from tidemill.telemetry import names

LaneCommand: TypeAlias = LoggedCommand | Message
SLOT: Final = "slot"


@dataclass(slots=True)
class _Wanted:
    """What a round has to know of one lane."""

    shard: int
    digests: list[bytes] = field(default_factory=list)
    counters: list[str] = field(default_factory=list)
    events_since_us: int | None = None

    def query(self, lane: bytes) -> LaneQuery:
        return LaneQuery(lane, tuple(self.digests), tuple(self.counters), self.events_since_us)


@dataclass(slots=True)
class _Hearing:
    """An event that a lane hears, and the stored subscriptions that it finds."""

    envelope: dict[str, Json]
    digest: bytes
    data: bytes
    stored: list[SubscriptionRow] = field(default_factory=list)


class LaneDeciding:
    """Applies commands to lanes: for each round of a batch `prepare`, then `decide` for each command."""

    def __init__(self, store: LaneStore, environment: Environment) -> None:
        settings = environment.settings
        self._store = store
        self._limits = LaneLimits(settings.lane_event_us, settings.lane_seen_us, settings.lane_events_max)
        self._subscribers_max = settings.subscribers_per_event_max
        self._heard = environment.metrics.counter(names.ENGINE_EVENTS_HEARD)
        self._repeated = environment.metrics.counter(names.ENGINE_EVENTS_REPEATED)
        self._delivered = environment.metrics.counter(names.ENGINE_EVENTS_DELIVERED)
        # The events of the round at hand, by the identity of their record.
        self._hearings: dict[int, _Hearing] = {}

    async def prepare(
        self,
        items: Sequence[Item],
        counters: Mapping[tuple[int, bytes], Sequence[str]],
        shard_turns: Mapping[int, ShardTurn],
    ) -> None:
        """Read what a round needs: one query for its lanes, one for the subscriptions of its events.

        `counters`, by shard and lane, are wanted beside what the items themselves need.
        """
        self._hearings.clear()
        commands = [
            command
            for item in items
            if item.shard in shard_turns and (command := lane_command_of(item)) is not None
        ]
        wanted = {lane: _Wanted(shard, counters=list(asked)) for (shard, lane), asked in counters.items()}
        for item in commands:
            self._want(item.record, wanted.setdefault(item.record.lane, _Wanted(item.shard)))
        if not wanted:
            return
        read = await self._store.read_lanes([asked.query(lane) for lane, asked in wanted.items()])
        for lane, asked in wanted.items():
            turn = self._turn(shard_turns[asked.shard], lane)
            if (rows := read.get(lane)) is not None:
                turn.take(rows)
        await self._find_subscribers(commands, shard_turns)

    def _want(self, record: command_pb2.Command, wanted: _Wanted) -> None:
        match record.WhichOneof("kind"):
            case "hear":
                event = record.hear.event
                envelope = envelope_of(event)
                hearing = _Hearing(envelope, event_digest(event.source, event.id), dumps(envelope))
                self._hearings[id(record)] = hearing
                wanted.digests.append(hearing.digest)
            case "subscribe":
                since_us, known_us = record.subscribe.since_us, wanted.events_since_us
                wanted.events_since_us = since_us if known_us is None else min(since_us, known_us)
            case "pace":
                wanted.counters.append(SLOT)
            case _:
                pass

    def _turn(self, shard_turn: ShardTurn, lane: bytes) -> LaneTurn:
        turn = shard_turn.lanes.get(lane)
        if turn is None:
            turn = shard_turn.lanes[lane] = LaneTurn(shard_turn.owned.shard, lane, self._limits)
        return turn

    async def _find_subscribers(
        self, commands: "Sequence[LaneCommand]", shard_turns: Mapping[int, ShardTurn]
    ) -> None:
        queries: list[SubscriberQuery] = []
        asking: list[_Hearing] = []
        for item in commands:
            hearing = self._hearings.get(id(item.record))
            if hearing is None:
                continue
            shard_turn = shard_turns[item.shard]
            lane = self._turn(shard_turn, item.record.lane)
            if pairs := lane.pairs(hearing.envelope, shard_turn.now_us):
                after = item.record.hear.after_execution_id
                queries.append(SubscriberQuery(lane.lane, pairs, after, self._subscribers_max))
                asking.append(hearing)
        if queries:
            for hearing, rows in zip(asking, await self._store.subscribers(queries), strict=True):
                hearing.stored = rows

    async def counter_lane(self, shard_turn: ShardTurn, lane: bytes, name: str) -> LaneTurn:
        """A lane with one counter read, whether the round was prepared for it or not."""
        turn = self._turn(shard_turn, lane)
        if not turn.knows(name):
            rows = await self._store.read_lanes([LaneQuery(lane, counters=(name,))])
            if lane in rows:
                turn.take(rows[lane])
            turn.note(name)
        return turn

    async def decide(self, item: LaneCommand, shard_turn: ShardTurn) -> None:
        """Apply one command to its lane; raises ValueError for one that asks for nothing known."""
        record = item.record
        lane = self._turn(shard_turn, record.lane)
        match record.WhichOneof("kind"):
            case "hear":
                await self._hear(record, lane, shard_turn)
            case "subscribe":
                self._subscribe(record, lane, shard_turn)
            case "unsubscribe":
                lane.unsubscribe(record.unsubscribe.execution_id, record.unsubscribe.subscription_id)
            case "pace":
                self._pace(record, lane, shard_turn)
            case unknown:
                raise ValueError(f"a lane takes no such command: {unknown}")

    async def _hear(self, record: command_pb2.Command, lane: LaneTurn, shard_turn: ShardTurn) -> None:
        hearing = self._hearings[id(record)]
        after = record.hear.after_execution_id
        if not after and lane.has_heard(hearing.digest):
            self._repeated.add()
            return
        if not after:
            lane.hear(hearing.digest, hearing.data, shard_turn.next_heard_us())
            self._heard.add()
            await self._make_room(lane)
        pairs = lane.pairs(hearing.envelope, shard_turn.now_us)
        rows = lane.subscribers(hearing.stored, pairs, after)
        for row in rows:
            shard_turn.send(
                delivery(
                    row.execution_id,
                    row.subscription_id,
                    data=hearing.data,
                    received_at_us=shard_turn.now_us,
                )
            )
        self._delivered.add(len(rows))
        if len(hearing.stored) >= self._subscribers_max:
            # The rest gets it in turns of its own, so that an event that all wait for holds up nobody.
            shard_turn.send(hear_on(record, hearing.stored[-1].execution_id))

    async def _make_room(self, lane: LaneTurn) -> None:
        if not lane.is_full:
            return
        rows = await self._store.read_lanes([LaneQuery(lane.lane, events_since_us=0)])
        if lane.lane in rows:
            lane.take(rows[lane.lane])
        lane.forget_oldest()

    def _subscribe(self, record: command_pb2.Command, lane: LaneTurn, shard_turn: ShardTurn) -> None:
        asked = record.subscribe
        row = SubscriptionRow(
            shard=shard_turn.owned.shard,
            lane=lane.lane,
            shape_id=shape_id(asked.shape),
            key=asked.key,
            execution_id=asked.execution_id,
            subscription_id=asked.subscription_id,
            since_us=asked.since_us,
        )
        for event in lane.subscribe(row, asked.shape, shard_turn.now_us):
            self._delivered.add()
            shard_turn.send(
                delivery(
                    row.execution_id,
                    row.subscription_id,
                    data=event.data,
                    received_at_us=event.received_at_us,
                )
            )

    @staticmethod
    def _pace(record: command_pb2.Command, lane: LaneTurn, shard_turn: ShardTurn) -> None:
        asked = record.pace
        due_at_us, counter = next_slot(lane.counter(SLOT), asked.limit, asked.per_us, shard_turn.now_us)
        lane.count(SLOT, counter)
        shard_turn.send(grant(asked.execution_id, asked.request_id, due_at_us))


def lane_command_of(item: Item) -> LaneCommand | None:
    """The item, or the dead letter's that is taken up again, when it is for a lane; None for others."""
    match item.item if isinstance(item, Redriven) else item:
        case LoggedCommand() | Message() as command if command.record.lane:
            return command
        case _:
            return None
