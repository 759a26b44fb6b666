"""What lifecycle events a stored fact stands for: a pure table from kinds of history events to types."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from tidemill.api.events.v1.history_pb2 import Event, HistoryBatch
from tidemill.dsl.task_references import is_step
from tidemill.engine.core.times import rfc3339
from tidemill.engine.lifecycle import types
from tidemill.engine.record_values import read_problem
from tidemill.json import Json


@dataclass(frozen=True, slots=True)
class Facts:
    """What a history row alone does not say of its execution; `listens` are the references of its listens."""

    execution_id: str
    namespace: str
    workflow: str
    version: str
    subject: str = ""
    listens: Collection[str] = ()

    @property
    def qualified_name(self) -> str:
        """The execution as the specification names it: `{workflow}-{id}.{namespace}`."""
        return f"{self.workflow}-{self.execution_id}.{self.namespace}"


@dataclass(frozen=True, slots=True)
class LifecycleEvent:
    """One CloudEvent; `subject` is the execution, `lane_subject` what the execution is about, if anything."""

    id: str
    type: str
    source: str
    subject: str
    lane_subject: str
    time: str
    data: Mapping[str, Json] = field(default_factory=dict)


# Makes the data of an event from the fact, the execution, and the time; None: there is no such event.
Maker = Callable[[Any, Facts, str], "dict[str, Json] | None"]


@dataclass(frozen=True, slots=True)
class Projection:
    """One lifecycle event of a fact; `part` tells it from the others of the same fact."""

    type: str
    make: Maker
    part: str = ""


def project(
    batch: HistoryBatch, sequence: int, facts: Facts, types_wanted: Collection[str]
) -> Iterator[LifecycleEvent]:
    """The lifecycle events of a history row whose first event has this sequence number, in order.

    `types_wanted` narrows them; empty means all.
    """
    time = rfc3339(batch.time_us)
    source = f"/{facts.namespace}/{facts.workflow}"
    for number, event in enumerate(batch.events, sequence):
        for projection, data in _projected(event, facts, time, types_wanted):
            part = f"/{projection.part}" if projection.part else ""
            yield LifecycleEvent(
                id=f"{facts.execution_id}/{number}{part}",
                type=projection.type,
                source=source,
                subject=facts.execution_id,
                lane_subject=facts.subject,
                time=time,
                data=data,
            )


def _projected(
    event: Event, facts: Facts, time: str, types_wanted: Collection[str]
) -> Iterator[tuple[Projection, dict[str, Json]]]:
    # A kind that only a newer release writes is not known to have a lifecycle event.
    kind = event.WhichOneof("kind") or ""
    for projection in PROJECTIONS.get(kind, ()):
        if types_wanted and projection.type not in types_wanted:
            continue
        data = projection.make(getattr(event, kind), facts, time)
        if data is not None:
            yield projection, data


def _workflow(moment: str) -> Maker:
    """The data of an event about the workflow that has no more than a name and this moment."""

    def make(_: object, facts: Facts, time: str) -> dict[str, Json]:
        return {"name": facts.qualified_name, moment: time}

    return make


def _task(moment: str) -> Maker:
    """The data of an event about a task that has no more than the task and this moment; none of a step."""

    def make(event: Any, facts: Facts, time: str) -> dict[str, Json] | None:  # noqa: ANN401 - any with a reference
        if is_step(event.reference):
            return None
        return {"workflow": facts.qualified_name, "task": event.reference, moment: time}

    return make


def _workflow_started(_: object, facts: Facts, time: str) -> dict[str, Json]:
    definition: Json = {"name": facts.workflow, "namespace": facts.namespace, "version": facts.version}
    return {"name": facts.qualified_name, "definition": definition, "startedAt": time}


def _faulted(made: Maker) -> Maker:
    """The same data with the error."""

    def make(event: Any, facts: Facts, time: str) -> dict[str, Json] | None:  # noqa: ANN401 - any with an error
        data = made(event, facts, time)
        return None if data is None else {**data, "error": read_problem(event.error).as_json()}

    return make


def _correlation_started(event: Any, facts: Facts, time: str) -> dict[str, Json] | None:  # noqa: ANN401
    if event.WhichOneof("detail") != "listening":
        return None
    if not event.listening.subscriptions and event.reference not in facts.listens:
        # A subscription to a channel hears no events.
        return None
    return {"name": facts.qualified_name, "startedAt": time}


def _correlation_completed(event: Any, facts: Facts, time: str) -> dict[str, Json] | None:  # noqa: ANN401
    if event.reference not in facts.listens:
        return None
    return {"name": facts.qualified_name, "completedAt": time}


# Every kind of event of a history. A kind without projections says why it has none.
PROJECTIONS: Final[Mapping[str, tuple[Projection, ...]]] = MappingProxyType(
    {
        "execution_started": (Projection(types.WORKFLOW_STARTED, _workflow_started),),
        "execution_completed": (Projection(types.WORKFLOW_COMPLETED, _workflow("completedAt")),),
        "execution_faulted": (Projection(types.WORKFLOW_FAULTED, _faulted(_workflow("faultedAt"))),),
        "execution_cancelled": (Projection(types.WORKFLOW_CANCELLED, _workflow("cancelledAt")),),
        "execution_suspended": (Projection(types.WORKFLOW_SUSPENDED, _workflow("suspendedAt")),),
        "execution_resumed": (Projection(types.WORKFLOW_RESUMED, _workflow("resumedAt")),),
        "execution_retried": (Projection(types.WORKFLOW_RETRIED, _workflow("retriedAt")),),
        "task_started": (
            Projection(types.TASK_CREATED, _task("createdAt"), "created"),
            Projection(types.TASK_STARTED, _task("startedAt")),
            Projection(types.CORRELATION_STARTED, _correlation_started, "correlation"),
        ),
        # A task that is passed over for its `if` is never created: the specification has no event for it.
        "task_skipped": (),
        "task_completed": (
            Projection(types.CORRELATION_COMPLETED, _correlation_completed, "correlation"),
            Projection(types.TASK_COMPLETED, _task("completedAt")),
        ),
        "task_faulted": (Projection(types.TASK_FAULTED, _faulted(_task("faultedAt"))),),
        "task_cancelled": (Projection(types.TASK_CANCELLED, _task("cancelledAt")),),
        # Rounds are steps inside a task; the tasks of each round have events of their own.
        "round_started": (),
        "round_completed": (),
        # The task that raised the error has its event; what follows for the `try` has its own.
        "error_caught": (),
        "task_retried": (Projection(types.TASK_RETRIED, _task("retriedAt")),),
        # What a task waited for has come: the task's own end tells it.
        "action_completed": (),
        "child_completed": (),
        "slot_granted": (),
        "timer_fired": (),
        # An event that was heard is one step of a correlation, whose end comes with the task's.
        "event_received": (),
        # The task goes on with the events that it has: its correlation ends with it, once.
        "listening_ended": (),
        # About an effect of a task that has ended.
        "cancellation_confirmed": (),
        # A pause of the engine's own, not of the workflow.
        "task_yielded": (),
        # Written by the executions that run schedules, which are no workflows.
        "schedule_fired": (),
    }
)
