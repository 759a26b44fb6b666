"""Whether anything was lost or doubled: every execution, every step, every effect, counted."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final

from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.engine.v1.execution_pb2 import EXECUTION_PHASE_COMPLETED
from tidemill.api.events.v1.history_pb2 import ACTION_STATE_SUCCEEDED
from tidemill.bench.workload import LOADED, NAMESPACE, Workload
from tidemill.client.client import Client

_HISTORIES_READ_MAX: Final = 2_000
_READS_IN_FLIGHT: Final = 16
_PAGE_SIZE: Final = 500


async def check(client: Client, workload: Workload, execution_ids: Sequence[str]) -> list[str]:
    """Sentences about all that is wrong; none when nothing is."""
    return [
        *await _check_executions(client, execution_ids),
        *await _check_histories(client, workload, _sample(execution_ids)),
    ]


async def _check_executions(client: Client, execution_ids: Sequence[str]) -> list[str]:
    """Each start has made one execution of its own, all of them have completed, and there are no others."""
    faults = [
        f"{count} starts gave the id {id_}" for id_, count in Counter(execution_ids).items() if count > 1
    ]
    request = pb.ExecutionServiceListRequest(namespace=NAMESPACE, workflow=LOADED, page_size=_PAGE_SIZE)
    listed: list[str] = []
    async for page in client.executions.pages(request):
        listed += [execution.execution_id for execution in page]
        faults += [
            f"{execution.execution_id} has not completed"
            for execution in page
            if execution.phase != EXECUTION_PHASE_COMPLETED
        ]
    lost, strange = set(execution_ids) - set(listed), set(listed) - set(execution_ids)
    faults += [f"{id_} is lost" for id_ in sorted(lost)] + [
        f"{id_} was never asked for" for id_ in sorted(strange)
    ]
    return faults


async def _check_histories(client: Client, workload: Workload, execution_ids: Sequence[str]) -> list[str]:
    slots = asyncio.Semaphore(_READS_IN_FLIGHT)

    async def check_one(execution_id: str) -> list[str]:
        async with slots:
            events = await client.executions.history(execution_id, namespace=NAMESPACE)
        return [f"{execution_id}: {fault}" for fault in history_faults(events, steps=workload.steps)]

    found = await asyncio.gather(*map(check_one, execution_ids))
    return [fault for faults in found for fault in faults]


def history_faults(events: Sequence[pb.HistoryEvent], *, steps: int) -> list[str]:
    """What is wrong with the history of an execution of `steps` calls."""
    faults = []
    if [event.sequence for event in events] != list(range(1, len(events) + 1)):
        faults.append("its history has gaps or repeats")
    kinds = Counter(event.event.WhichOneof("kind") for event in events)
    if (kinds["execution_started"], kinds["execution_completed"]) != (1, 1):
        faults.append(f"started {kinds['execution_started']}x, completed {kinds['execution_completed']}x")
    outcomes = [event.event.action_completed for event in events if event.event.HasField("action_completed")]
    succeeded = [outcome for outcome in outcomes if outcome.state == ACTION_STATE_SUCCEEDED]
    keys = {outcome.key for outcome in outcomes}
    if not len(outcomes) == len(succeeded) == len(keys) == steps:
        faults.append(
            f"{len(outcomes)} outcomes ({len(succeeded)} good) under {len(keys)} keys for {steps} steps"
        )
    return faults


def _sample(execution_ids: Sequence[str]) -> Sequence[str]:
    """All, or as many as can be read in a moment, spread over the whole run."""
    stride = max(len(execution_ids) // _HISTORIES_READ_MAX, 1)
    return execution_ids[::stride]
