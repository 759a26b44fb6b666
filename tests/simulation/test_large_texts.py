"""Large texts that are lost or nobody's: what needs them waits for them, and nothing is left."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.simulation.scenarios import DAY_US, HOUR_US, NAMESPACE
from tests.simulation.world import SHARDS, World
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.blobs.memory import MemoryBlobs
from tidemill.blobs.port import Blob, BlobError, BlobMissingError, BlobName
from tidemill.engine.runtime.sweeping import Sweep
from tidemill.engine.settings import Settings
from tidemill.json import Json, dumps, loads


class NoDeadline:
    """A call that may take as long as it likes."""

    def time_remaining(self) -> None:
        return None


CONTEXT: Any = NoDeadline()
TEXT = "x" * 1_000
LATER_US = 2 * HOUR_US
CALLING = (
    "do: [{ask: {call: 'long:1.0.0', with: {text: '${ .text }'}}}, {sum: {set: {n: '${ .text | length }'}}}]"
)
WAITING = "do: [{nap: {wait: {hours: 1}}}, {sum: {set: {n: '${ .text | length }'}}}]"


class LosingBlobs(MemoryBlobs):
    """Says of all blobs that they are missing while `lost`."""

    lost = False
    # How many were asked for at once, at most.
    asked_max = 0

    async def get(self, names: Collection[BlobName]) -> Mapping[BlobName, bytes | BlobError]:
        self.asked_max = max(self.asked_max, len(names))
        found = await super().get(names)
        return {name: BlobMissingError(name) for name in names} if self.lost else found


@dataclass
class Large:
    """A world in which every text of more than 100 bytes is large."""

    settings: Settings = field(
        default_factory=lambda: Settings(shards=SHARDS, payload_inline_bytes_max=100, blob_grace_us=HOUR_US)
    )

    async def open(self, body: str) -> World:
        self.world = world = World(settings=self.settings)
        self.blobs = world.blobs = LosingBlobs(world.clock)
        await world.open()
        await world.publish(
            f"document: {{dsl: '1.0.3', namespace: {NAMESPACE}, name: large, version: 1.0.0}}\n{body}"
        )
        return world

    async def letters(self) -> list[str]:
        return [letter.kind for letter in await self.world.store.dead_letters("", 0, 100)]

    async def redrive(self) -> None:
        """Have every dead letter taken up again."""
        ingress = self.world.engine.ingress
        for letter in await self.world.store.dead_letters("", 0, 100):
            await ingress.accept([ingress.prepare_redrive(letter)])
            await self.world.settle()


async def output_of(world: World) -> Json:
    """The output of the one execution there is, which has completed."""
    (execution,) = await world.executions()
    assert await world.phase(execution.execution_id) == "completed"
    return loads(execution.output.data)


async def test_a_start_whose_input_is_lost_waits_until_it_is_back() -> None:
    large = Large()
    world = await large.open(CALLING)
    large.blobs.lost = True
    execution_id = await world.start(NAMESPACE, "large", {"text": TEXT})
    assert await world.phase(execution_id) == "suspended"
    assert await large.letters() == ["command"]
    await large.redrive()
    assert await large.letters() == ["command"]
    large.blobs.lost = False
    await large.redrive()
    assert await large.letters() == []
    assert await output_of(world) == {"n": len(TEXT)}
    assert len(world.outside.effects) == 1


async def test_an_outcome_whose_output_is_lost_waits_until_it_is_back() -> None:
    large = Large()
    world = await large.open(CALLING)

    def answer(_: dict[str, Json]) -> Json:
        large.blobs.lost = True
        return {"text": TEXT + TEXT}

    world.outside.handlers["long:1.0.0"] = answer
    execution_id = await world.start(NAMESPACE, "large", {"text": TEXT})
    assert await world.phase(execution_id) == "suspended"
    assert await large.letters() == ["result"]
    large.blobs.lost = False
    await large.redrive()
    assert await output_of(world) == {"n": 2 * len(TEXT)}
    assert len(world.outside.effects) == 1


async def test_an_execution_whose_texts_are_lost_waits_until_they_are_back() -> None:
    large = Large()
    world = await large.open(WAITING)
    execution_id = await world.start(NAMESPACE, "large", {"text": TEXT})
    large.blobs.lost = True
    await world.crash()
    await world.advance(LATER_US)
    assert await world.phase(execution_id) == "suspended"
    assert sorted(await large.letters()) == ["history", "timer"]
    large.blobs.lost = False
    await large.redrive()
    await world.advance(LATER_US)
    assert await output_of(world) == {"n": len(TEXT)}


async def test_executions_that_hold_much_are_taken_up_few_at_once() -> None:
    settings = Settings(shards=SHARDS, payload_inline_bytes_max=100, batch_large_bytes_max=2 * len(TEXT))
    large = Large(settings)
    world = await large.open(WAITING)
    for number in range(8):
        await world.start(NAMESPACE, "large", {"text": TEXT}, subject=str(number))
    await world.crash()
    await world.advance(LATER_US)
    assert large.blobs.asked_max == 1
    assert [loads(each.output.data) for each in await world.executions()] == [{"n": len(TEXT)}] * 8


async def test_what_clients_are_shown_is_whole_and_pages_end_by_bytes() -> None:
    large = Large(Settings(shards=SHARDS, payload_inline_bytes_max=100, history_page_bytes_max=3_000,
                           list_page_bytes_max=1_500))  # fmt: skip
    world = await large.open("do: [{one: {set: '${ {text: .text} }'}}, {two: {set: '${ {text: .text} }'}}]")
    ids = [await world.start(NAMESPACE, "large", {"text": TEXT}, subject=str(number)) for number in range(3)]
    events: list[pb.HistoryEvent] = []
    request = pb.GetHistoryRequest(namespace=NAMESPACE, execution_id=ids[0])
    while not events or request.page_token:
        page = await world.api.GetHistory(request, CONTEXT)
        assert len(page.events) == 1 or page.ByteSize() < 3_500
        events += page.events
        request.page_token = page.next_page_token
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert loads(events[0].event.execution_started.raw_input.data) == {"text": TEXT}
    assert loads(events[-1].event.execution_completed.output.data) == {"text": TEXT}
    seen: list[tuple[str, Json]] = []
    listing = pb.ExecutionServiceListRequest(namespace=NAMESPACE)
    while not seen or listing.page_token:
        found = await world.api.List(listing, CONTEXT)
        assert len(found.executions) == 1
        seen += [(each.execution_id, loads(each.output.data)) for each in found.executions]
        listing.page_token = found.next_page_token
    assert sorted(seen) == [(each, {"text": TEXT}) for each in sorted(ids)]


async def test_blobs_go_once_their_execution_has_gone_and_not_before() -> None:
    settings = Settings(
        shards=SHARDS,
        payload_inline_bytes_max=100,
        blob_grace_us=HOUR_US,
        history_retention_us=HOUR_US,
        execution_retention_us=HOUR_US,
        blob_sweep_rows=1,
    )
    large = Large(settings)
    world = await large.open(WAITING)
    ended = await world.start(NAMESPACE, "large", {"text": TEXT}, subject="ada")
    await world.advance(LATER_US)
    waiting = await world.start(NAMESPACE, "large", {"text": TEXT}, subject="bob")
    assert set(large.blobs.held) == {ended, waiting}
    await world.advance(HOUR_US // 2)
    for _ in range(6):
        await world.settle()
    assert list(large.blobs.held) == [waiting]
    await world.advance(DAY_US)
    for _ in range(6):
        await world.settle()
    assert large.blobs.held == {}


@pytest.fixture
async def crashed() -> tuple[Large, World, str]:
    """A start whose input was left before a crash, and whose command was not appended; it is old."""
    large = Large()
    world = await large.open(CALLING)
    prepared = world.engine.ingress.prepare_start(
        pb.StartRequest(namespace=NAMESPACE, workflow="large", request_id="r1")
    )
    prepared.record.start.input.data = dumps({"text": TEXT})
    await world.environment.check.leave(prepared.record, prepared.record.execution_id)
    execution_id = prepared.record.execution_id
    assert list(large.blobs.held) == [execution_id]
    await world.crash()
    await world.clock.advance_us(DAY_US)
    return large, world, execution_id


async def test_what_a_crash_has_left_behind_is_swept(crashed: tuple[Large, World, str]) -> None:
    large, world, _ = crashed
    for _ in range(6):
        await world.settle()
    assert large.blobs.held == {}


async def test_a_start_that_comes_again_makes_what_was_left_young(crashed: tuple[Large, World, str]) -> None:
    large, world, execution_id = crashed
    sweep = Sweep(world.store, world.log, world.engine.ownership, world.environment)
    await sweep.run_once()  # marks it
    request = pb.StartRequest(namespace=NAMESPACE, workflow="large", request_id="r1")
    request.input.data = dumps({"text": TEXT})
    accepted = await world.engine.ingress.start(request)
    assert accepted.execution_id == execution_id
    await sweep.run_once()
    await sweep.run_once()
    assert list(large.blobs.held) == [execution_id]
    await world.settle()
    assert await output_of(world) == {"n": len(TEXT)}


async def test_what_the_log_still_refers_to_is_kept_however_old(crashed: tuple[Large, World, str]) -> None:
    """Also where nothing has been applied for a day."""
    large, world, execution_id = crashed
    request = pb.StartRequest(namespace=NAMESPACE, workflow="large", request_id="r1")
    request.input.data = dumps({"text": TEXT})
    await world.engine.ingress.start(request)
    await world.clock.advance_us(DAY_US)
    sweep = Sweep(world.store, world.log, world.engine.ownership, world.environment)
    for _ in range(3):
        await sweep.run_once()
        await world.clock.advance_us(DAY_US)
    assert list(large.blobs.held) == [execution_id]
    await world.settle()
    assert await output_of(world) == {"n": len(TEXT)}


async def test_what_a_dead_letter_refers_to_is_kept() -> None:
    large = Large()
    world = await large.open(CALLING)
    name = BlobName("00000001-00000000-0000-7000-8000-000000000001", "0" * 64)
    await world.blobs.put([Blob(name, b"")])
    large.blobs.lost = True
    held = await world.start(NAMESPACE, "large", {"text": TEXT})
    await world.clock.advance_us(DAY_US)
    for _ in range(6):
        await world.settle()
    assert held in large.blobs.held
    assert name.execution_id not in large.blobs.held
