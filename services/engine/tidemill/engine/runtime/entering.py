"""Re-entry: whether a subject may enter a workflow (again), counted in the subject's lane."""

from collections.abc import Iterable
from typing import Final

from tidemill import lanes
from tidemill.engine.catalogue import Catalogue
from tidemill.engine.core.commands import Start
from tidemill.engine.core.decision import Rejection
from tidemill.engine.core.plan import Plan
from tidemill.engine.core.state import CLOSED_PHASES, ExecutionState, Phase
from tidemill.engine.runtime.items import Item, LoggedCommand, Message
from tidemill.engine.runtime.lane_deciding import LaneDeciding
from tidemill.engine.runtime.turns import ShardTurn
from tidemill.errors import TidemillError

_PREFIX: Final = "reentry:"


class Entering:
    """Keeps the counters of workflows with a re-entry policy; a child enters with its parent's leave."""

    def __init__(self, catalogue: Catalogue, lane_deciding: LaneDeciding) -> None:
        self._catalogue = catalogue
        self._lanes = lane_deciding

    def counters(self, items: Iterable[Item]) -> dict[tuple[int, bytes], list[str]]:
        """The counters that the starts among the items need, by shard and lane."""
        wanted: dict[tuple[int, bytes], list[str]] = {}
        for item in items:
            if not isinstance(item, LoggedCommand | Message) or not item.record.HasField("start"):
                continue
            start = item.record.start
            if start.subject and not start.parent_execution_id and self._has_policy(item):
                lane = lanes.subject_lane(item.record.namespace, start.subject)
                wanted.setdefault((item.shard, lane), []).append(_name(start.workflow))
        return wanted

    def _has_policy(self, item: LoggedCommand | Message) -> bool:
        start = item.record.start
        try:
            plan = self._catalogue.plan(item.record.namespace, start.workflow, start.version)
        except TidemillError:
            return False  # it fails where it is applied
        return plan.reentry is not None

    async def admit(self, command: Start, plan: Plan, shard_turn: ShardTurn) -> Rejection | None:
        """Let a new execution in and count it, or say why not."""
        if plan.reentry is None or not command.subject or command.parent:
            return None
        lane = await self._lanes.counter_lane(
            shard_turn, lanes.subject_lane(command.namespace, command.subject), _name(command.workflow)
        )
        name = _name(command.workflow)
        outcome = plan.reentry.enter(lane.counter(name), shard_turn.now_us)
        if isinstance(outcome, Rejection):
            return outcome
        lane.count(name, outcome)
        return None

    async def follow(self, before: Phase, state: ExecutionState, plan: Plan, shard_turn: ShardTurn) -> None:
        """Count an execution that has ended, or that goes on after its end."""
        ended, goes_on = _change(before, state.phase)
        if plan.reentry is None or not state.subject or state.parent or not (ended or goes_on):
            return
        name = _name(state.workflow)
        lane = await self._lanes.counter_lane(
            shard_turn, lanes.subject_lane(state.namespace, state.subject), name
        )
        counter = lane.counter(name)
        lane.count(
            name,
            plan.reentry.leave(counter, shard_turn.now_us) if ended else plan.reentry.again(counter),
        )


def _name(workflow: str) -> str:
    return _PREFIX + workflow


def _change(before: Phase, after: Phase) -> tuple[bool, bool]:
    closed_before, closed_after = before in CLOSED_PHASES, after in CLOSED_PHASES
    return closed_after and not closed_before, closed_before and not closed_after
