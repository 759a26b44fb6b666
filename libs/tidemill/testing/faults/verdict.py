"""What was lost, doubled or done unasked, by what the outside has seen and by what the Engine lists."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tidemill.api.engine.v1.execution_pb2 import EXECUTION_PHASE_COMPLETED, Execution
from tidemill.client.plain import phase_name, us_of_timestamp
from tidemill.json import loads
from tidemill.testing.effects import Effects
from tidemill.testing.faults.workload import JOINED, JOURNEY, NOTE, NOTED, ORDER, PACKING, Happening, Wanted


@dataclass(frozen=True, slots=True)
class Verdict:
    """Sentences about all that is wrong, by what is wrong with it."""

    lost: list[str]
    doubled: list[str]
    out_of_order: list[str]

    @property
    def faults(self) -> list[str]:
        """All of them."""
        return [*self.lost, *self.doubled, *self.out_of_order]


def judge(
    wanted: Wanted, acknowledged: Sequence[Happening], effects: Effects, executions: Sequence[Execution]
) -> Verdict:
    """Compare what was wanted with what was done."""
    return Verdict(
        lost=[*_lost_effects(wanted, effects), *_missing(wanted, executions), *_open(executions)],
        doubled=[*_doubled_effects(wanted, effects), *_too_many(wanted, executions)],
        out_of_order=[*_misheard(wanted, executions), *_begun_out_of_order(acknowledged, executions)],
    )


def _lost_effects(wanted: Wanted, effects: Effects) -> list[str]:
    return [f"lost: the effect {one.event_id} {one.task}" for one in effects.lost(wanted.effects)]


def _doubled_effects(wanted: Wanted, effects: Effects) -> list[str]:
    doubled = [
        f"done {effects.by_identity[one]} times: {one.event_id} {one.task}" for one in effects.doubled()
    ]
    unwanted = [f"not wanted: {one.event_id} {one.task}" for one in effects.unwanted(wanted.effects)]
    return doubled + unwanted


def _missing(wanted: Wanted, executions: Sequence[Execution]) -> list[str]:
    found = Counter(execution.workflow for execution in executions)
    missing = wanted.executions - found
    return [f"{count} executions of {workflow} are missing" for workflow, count in missing.items()]


def _too_many(wanted: Wanted, executions: Sequence[Execution]) -> list[str]:
    found = Counter(execution.workflow for execution in executions)
    return [
        f"{count} executions of {workflow} too many"
        for workflow, count in (found - wanted.executions).items()
    ]


def _open(executions: Sequence[Execution]) -> list[str]:
    return [
        f"{execution.execution_id} ({execution.workflow}) is {phase_name(execution.phase)}"
        for execution in executions
        if execution.phase != EXECUTION_PHASE_COMPLETED
    ]


def _misheard(wanted: Wanted, executions: Sequence[Execution]) -> list[str]:
    """Journeys whose events did not come in order and once each."""
    journeys = [
        execution
        for execution in executions
        if execution.workflow == JOURNEY and execution.phase == EXECUTION_PHASE_COMPLETED
    ]
    return [
        f"the journey of {one.subject} gave {one.output.data.decode()}"
        for one in journeys
        if loads(one.output.data) != wanted.heard.get(one.subject)
    ]


_WORKFLOW_OF: Final = {JOINED: JOURNEY, NOTED: NOTE, ORDER: ORDER}


def _begun_out_of_order(acknowledged: Sequence[Happening], executions: Sequence[Execution]) -> list[str]:
    """Lanes whose executions did not begin in the order in which they were asked for.

    By the shard's clock, which never goes back: executions of one commit begin at one time.
    """
    asked: dict[str, list[str]] = {}
    for happening in acknowledged:
        if happening.kind in _WORKFLOW_OF:
            label = _label(_WORKFLOW_OF[happening.kind], happening.number)
            asked.setdefault(happening.contact, []).append(label)
    begun: dict[str, list[tuple[int, str]]] = {}
    for execution in executions:
        if execution.workflow != PACKING and execution.phase == EXECUTION_PHASE_COMPLETED:
            begun.setdefault(execution.subject, []).append(
                (us_of_timestamp(execution.started_at), _label(execution.workflow, _number(execution)))
            )
    return [
        f"{contact}: asked for {labels}, begun {sorted(begun[contact])}"
        for contact, labels in asked.items()
        if contact in begun and not _agrees(labels, begun[contact])
    ]


def _label(workflow: str, number: int) -> str:
    return f"{workflow} {number}" if workflow == NOTE else workflow


def _number(execution: Execution) -> int:
    output = loads(execution.output.data)
    number = output.get("number") if isinstance(output, dict) else None
    return number if isinstance(number, int) else 0


def _agrees(asked: Sequence[str], begun: Sequence[tuple[int, str]]) -> bool:
    """Whether the executions, by the time at which they began, can be in the order asked for."""
    place = {label: at for at, label in enumerate(asked)}
    places: dict[int, list[int]] = {}
    for moment, label in begun:
        if label in place:
            places.setdefault(moment, []).append(place[label])
    last = -1
    for moment in sorted(places):
        if min(places[moment]) < last:
            return False
        last = max(places[moment])
    return True
