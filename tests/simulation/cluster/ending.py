"""The end of a seed: all is at rest, and what was promised has been kept."""

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.simulation.cluster.invariants import Rows, check_snapshots
from tests.simulation.cluster.violations import Violation
from tests.unit.core.snapshots import snapshot
from tidemill.api.events.v1.command_pb2 import Command
from tidemill.engine.core.apply import fold
from tidemill.engine.core.events import Kind, ScheduleFired
from tidemill.engine.core.state import CLOSED_PHASES
from tidemill.engine.records import LogSource, decode_batch

if TYPE_CHECKING:
    from tests.simulation.cluster.world import World

LOST: Final = "no acknowledged command is lost"


@dataclass(frozen=True, slots=True)
class Ending:
    """What has become of a story: executions and effects, however they came about."""

    executions: Counter[str]
    effects: Counter[str]


def ending_of(world: "World") -> Ending:
    """What stands in the store and in the world."""
    executions = Counter(
        repr((row.execution_id, row.workflow, row.subject, row.phase, row.output))
        for row in world.store._executions.values()
    )
    effects = Counter(
        # What is published says when it was.
        repr((key, attempt, action, b"" if action == "events.publish" else arguments))
        for key, made in world.provider.effects.items()
        for attempt, action, arguments in made
    )
    return Ending(executions, effects)


def check_ending(world: "World") -> None:
    """Everything is over, nothing was forgotten, and the stored history is what was seen to be written."""
    _check_promises(world)
    _check_executions(world)
    _check_effects(world)
    _check_schedules(world)
    _check_leftovers(world)
    check_snapshots(world.folds, world.store)


def _check_executions(world: "World") -> None:
    rows = Rows(world.store)
    for execution_id, held in world.folds.by_id.items():
        batches = [decode_batch(row.data) for row in world.store._histories[execution_id]]
        whole = fold(execution_id, [(batch.now_us, event) for batch in batches for event in batch.events])
        if snapshot(whole) != snapshot(held.state):
            raise Violation("state is the fold of history", f"{execution_id}, read at the end")
        rows.check(held.state, held.shard)
        if held.state.phase not in CLOSED_PHASES:
            raise Violation("everything ends", f"{execution_id} is {held.state.phase.name}")
        if held.state.owes:
            raise Violation("no action without an outcome is forgotten", execution_id)


def _check_promises(world: "World") -> None:
    applied = _applied(world)
    for promise in world.clients.promises:
        if promise.kind == "start" and promise.execution_id not in world.folds.by_id:
            if (promise.shard, promise.offset) not in world.store._rejections:
                raise Violation(LOST, f"{promise}: there is no such execution, and no rejection")
        elif promise.offset >= 0 and promise.offset not in world.store.row(promise.shard).applied:
            raise Violation(LOST, f"{promise} was never applied")
        elif promise.kind in ("cancel", "resume", "retry"):
            position = (promise.shard, promise.offset)
            if position not in applied and position not in world.store._rejections:
                raise Violation(LOST, f"{promise} has left no trace")


def _applied(world: "World") -> set[tuple[int, int]]:
    """Where in the log the commands stand that have left events."""
    found: set[tuple[int, int]] = set()
    for execution_id, rows in world.store._histories.items():
        shard = world.folds.by_id[execution_id].shard
        for row in rows:
            for cause in decode_batch(row.data).causes:
                if isinstance(cause.source, LogSource):
                    found.add((shard, cause.source.offset))
    return found


def _check_effects(world: "World") -> None:
    for key, made in world.provider.effects.items():
        arguments = {given for _, _, given in made}
        if len(arguments) > 1:
            raise Violation("a key means one effect", f"{key} was asked for with {arguments}")
        attempts = [attempt for attempt, _, _ in made]
        if len(set(attempts)) != len(attempts):
            raise Violation("a key means one effect", f"{key}: {attempts}")


def _check_schedules(world: "World") -> None:
    """Each fire time of a schedule starts one execution."""
    fired: list[int] = []
    started = 0
    for execution_id, held in world.folds.by_id.items():
        if held.state.kind is Kind.TRIGGER:
            fired += _fire_times(world, execution_id)
        elif held.state.workflow == "ticker":
            started += 1
    if not len(set(fired)) == len(fired) == started or world.story.has_schedule != bool(fired):
        raise Violation("schedules fire once", f"at {fired}, and {started} executions were started")


def _fire_times(world: "World", execution_id: str) -> list[int]:
    batches = [decode_batch(row.data) for row in world.store._histories[execution_id]]
    events = [event for batch in batches for event in batch.events]
    return [at_us for event in events if isinstance(event, ScheduleFired) for at_us in event.starts_us]


def _check_leftovers(world: "World") -> None:
    store = world.store
    if store._timers:
        raise Violation("every timer fires or goes", repr(list(store._timers)))
    if store._outbox:
        raise Violation("every message arrives", repr([_message(row.data) for row in store._outbox.values()]))
    if store._subscriptions:
        raise Violation("no wait outlives its execution", repr(list(store._subscriptions)))
    if store._dead_letters:
        letters = [letter.error.splitlines()[-1] for letter in store._dead_letters.values()]
        raise Violation("what was mended is taken up again", repr(letters))
    if world.clients.given_up:
        raise Violation("who asks again is heard", f"{world.clients.given_up} gave up")


def _message(data: bytes) -> str:
    return str(Command.FromString(data).WhichOneof("kind"))
