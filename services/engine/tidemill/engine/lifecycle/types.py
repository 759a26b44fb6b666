"""The types of lifecycle events, as the specification names them (chapter "Lifecycle events")."""

from typing import Final

WORKFLOW_STARTED: Final = "io.serverlessworkflow.workflow.started.v1"
WORKFLOW_SUSPENDED: Final = "io.serverlessworkflow.workflow.suspended.v1"
WORKFLOW_RESUMED: Final = "io.serverlessworkflow.workflow.resumed.v1"
CORRELATION_STARTED: Final = "io.serverlessworkflow.workflow.correlation-started.v1"
CORRELATION_COMPLETED: Final = "io.serverlessworkflow.workflow.correlation-completed.v1"
WORKFLOW_CANCELLED: Final = "io.serverlessworkflow.workflow.cancelled.v1"
WORKFLOW_FAULTED: Final = "io.serverlessworkflow.workflow.faulted.v1"
WORKFLOW_COMPLETED: Final = "io.serverlessworkflow.workflow.completed.v1"
# An operator's retry of a faulted execution. The specification knows no such thing; without a word on it, a
# receiver would see the events of an execution that it believes over.
WORKFLOW_RETRIED: Final = "tidemill.workflow.retried.v1"

TASK_CREATED: Final = "io.serverlessworkflow.task.created.v1"
TASK_STARTED: Final = "io.serverlessworkflow.task.started.v1"
TASK_RETRIED: Final = "io.serverlessworkflow.task.retried.v1"
TASK_CANCELLED: Final = "io.serverlessworkflow.task.cancelled.v1"
TASK_FAULTED: Final = "io.serverlessworkflow.task.faulted.v1"
TASK_COMPLETED: Final = "io.serverlessworkflow.task.completed.v1"

ALL_TYPES: Final = frozenset(
    (
        WORKFLOW_STARTED,
        WORKFLOW_SUSPENDED,
        WORKFLOW_RESUMED,
        CORRELATION_STARTED,
        CORRELATION_COMPLETED,
        WORKFLOW_CANCELLED,
        WORKFLOW_FAULTED,
        WORKFLOW_COMPLETED,
        WORKFLOW_RETRIED,
        TASK_CREATED,
        TASK_STARTED,
        TASK_RETRIED,
        TASK_CANCELLED,
        TASK_FAULTED,
        TASK_COMPLETED,
    )
)
