"""`cancel`, `suspend`, `resume` and `retry`: what people do to executions."""

from typing import TYPE_CHECKING, Annotated

import typer

from tidemill.cli.options import AnyNamespace, ExecutionId, JsonFlag, Reason
from tidemill.cli.output import print_json, print_line
from tidemill.cli.session import call
from tidemill.namespaces import ANY_NAMESPACE

if TYPE_CHECKING:
    from tidemill.api.engine.v1.execution_pb2 import Execution
    from tidemill.client.client import Client


def cancel(
    execution_id: ExecutionId,
    *,
    reason: Reason = "",
    namespace: AnyNamespace = ANY_NAMESPACE,
    as_json: JsonFlag = False,
) -> None:
    """End an execution now."""

    async def work(client: "Client") -> "Execution":
        from tidemill.api.engine.v1.execution_service_pb2 import CancelRequest

        request = CancelRequest(namespace=namespace, execution_id=execution_id, reason=reason)
        return (await client.executions.cancel(request)).execution

    _print_phase(call(work), as_json=as_json)


def suspend(
    execution_id: ExecutionId,
    *,
    reason: Reason = "",
    namespace: AnyNamespace = ANY_NAMESPACE,
    as_json: JsonFlag = False,
) -> None:
    """Let nothing new begin in an execution until `resume`."""

    async def work(client: "Client") -> "Execution":
        from tidemill.api.engine.v1.execution_service_pb2 import SuspendRequest

        request = SuspendRequest(namespace=namespace, execution_id=execution_id, reason=reason)
        return (await client.executions.suspend(request)).execution

    _print_phase(call(work), as_json=as_json)


def resume(
    execution_id: ExecutionId, *, namespace: AnyNamespace = ANY_NAMESPACE, as_json: JsonFlag = False
) -> None:
    """Let a suspended execution go on."""

    async def work(client: "Client") -> "Execution":
        from tidemill.api.engine.v1.execution_service_pb2 import ResumeRequest

        request = ResumeRequest(namespace=namespace, execution_id=execution_id)
        return (await client.executions.resume(request)).execution

    _print_phase(call(work), as_json=as_json)


def retry(
    execution_id: ExecutionId,
    *,
    if_sequence: Annotated[
        int, typer.Option(min=0, help="Only if its last event still has this number; 0 is any.")
    ] = 0,
    namespace: AnyNamespace = ANY_NAMESPACE,
    as_json: JsonFlag = False,
) -> None:
    """Let a faulted execution go on from its faulted task."""

    async def work(client: "Client") -> "Execution":
        from tidemill.api.engine.v1.execution_service_pb2 import RetryRequest

        request = RetryRequest(namespace=namespace, execution_id=execution_id, if_sequence=if_sequence)
        return (await client.executions.retry(request)).execution

    _print_phase(call(work), as_json=as_json)


def _print_phase(execution: "Execution", *, as_json: bool) -> None:
    from tidemill.client.plain import phase_name

    phase = phase_name(execution.phase)
    if as_json:
        print_json({"execution_id": execution.execution_id, "phase": phase})
    else:
        print_line(f"{execution.execution_id} is {phase}")
