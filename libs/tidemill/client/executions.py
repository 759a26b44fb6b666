"""ExecutionService: start, read, follow and steer executions."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, TypeVar

import grpc

from tidemill.api.engine.v1 import execution_pb2
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.engine.v1.execution_pb2 import Execution
from tidemill.api.engine.v1.execution_service_pb2_grpc import ExecutionServiceStub
from tidemill.api.engine.v1.position_pb2 import Position
from tidemill.client.calls import Caller
from tidemill.client.following import follow
from tidemill.client.submitting import submit
from tidemill.namespaces import ANY_NAMESPACE
from tidemill.unique import fresh_request_id, fresh_uuid

CLOSED_PHASES: Final = frozenset(
    (
        execution_pb2.EXECUTION_PHASE_CANCELLED,
        execution_pb2.EXECUTION_PHASE_FAULTED,
        execution_pb2.EXECUTION_PHASE_COMPLETED,
    )
)
_MutatingT = TypeVar(
    "_MutatingT", pb.StartRequest, pb.CancelRequest, pb.SuspendRequest, pb.ResumeRequest, pb.RetryRequest
)
_PagedT = TypeVar("_PagedT", pb.ExecutionServiceListRequest, pb.GetHistoryRequest)


class Executions:
    """Runs of workflows. Every method raises TidemillError; `namespace` "-" finds an id in any."""

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._stub = ExecutionServiceStub(channel)
        self._caller = caller

    async def start(self, request: pb.StartRequest) -> pb.StartResponse:
        """Start one execution; without a request id it gets a fresh one, so that a repeat finds it."""
        request = _with_request_id(request, fresh_request_id)
        return await self._caller.call(self._stub.Start, request, repeatable=True)

    async def submit(
        self, namespace: str, commands: Sequence[pb.SubmitCommand], *, seconds: float | None = None
    ) -> list[pb.SubmitResult]:
        """Hand over a batch of any length; one result a command, in order.

        Starts without a request id or origin get a fresh one. What the engine has no room for yet is sent
        again until the deadline; every other refusal is in its result.
        """
        return await submit(self._caller, self._stub.Submit, (namespace, commands), seconds=seconds)

    async def get(
        self, execution_id: str, *, namespace: str = ANY_NAMESPACE, at_least: Position | None = None
    ) -> Execution:
        """One execution, read once the store has the position `at_least`."""
        request = pb.ExecutionServiceGetRequest(
            namespace=namespace, execution_id=execution_id, at_least=at_least
        )
        return (await self._caller.call(self._stub.Get, request, repeatable=True)).execution

    async def pages(self, request: pb.ExecutionServiceListRequest) -> AsyncIterator[list[Execution]]:
        """Executions that fit the request, newest first, page by page."""
        while True:
            answer = await self._caller.call(self._stub.List, request, repeatable=True)
            yield [*answer.executions]
            if not answer.next_page_token:
                return
            request = _next_page(request, answer.next_page_token)

    async def history(
        self, execution_id: str, *, namespace: str = ANY_NAMESPACE, at_least: Position | None = None
    ) -> list[pb.HistoryEvent]:
        """The whole history, oldest first."""
        request = pb.GetHistoryRequest(namespace=namespace, execution_id=execution_id, at_least=at_least)
        return [event async for page in self.history_pages(request) for event in page]

    async def history_pages(self, request: pb.GetHistoryRequest) -> AsyncIterator[list[pb.HistoryEvent]]:
        """The history page by page, oldest first, for who need not hold all of it."""
        while True:
            answer = await self._caller.call(self._stub.GetHistory, request, repeatable=True)
            yield [*answer.events]
            if not answer.next_page_token:
                return
            request = _next_page(request, answer.next_page_token)

    def watch(self, request: pb.WatchRequest) -> AsyncIterator[pb.WatchResponse]:
        """Events as they come, until the execution closes; goes on by itself after a lost connection."""
        return follow(self._caller, self._stub.Watch, request)

    async def wait_ended(self, started: pb.StartResponse, *, namespace: str = ANY_NAMESPACE) -> Execution:
        """The execution that a start has answered with, once it has closed."""
        # A start that found an earlier one has no position, and a message asked for one that it lacks gives
        # the first of shard 0, which may never be reached.
        at_least = started.position if started.HasField("position") else None
        return await self.wait_closed(started.execution_id, namespace=namespace, at_least=at_least)

    async def wait_closed(
        self, execution_id: str, *, namespace: str = ANY_NAMESPACE, at_least: Position | None = None
    ) -> Execution:
        """Return the execution once it has completed, faulted or been cancelled. Waits without a limit."""
        request = pb.WatchRequest(
            namespace=namespace, execution_id=execution_id, at_least=at_least, end_only=True
        )
        async for answer in self.watch(request):
            if answer.execution.phase in CLOSED_PHASES:
                return answer.execution
        return await self.get(execution_id, namespace=namespace)

    async def cancel(self, request: pb.CancelRequest) -> pb.CancelResponse:
        """End an execution."""
        return await self._caller.call(self._stub.Cancel, _with_request_id(request), repeatable=True)

    async def suspend(self, request: pb.SuspendRequest) -> pb.SuspendResponse:
        """Let nothing new begin until `resume`."""
        return await self._caller.call(self._stub.Suspend, _with_request_id(request), repeatable=True)

    async def resume(self, request: pb.ResumeRequest) -> pb.ResumeResponse:
        """Let a suspended execution go on."""
        return await self._caller.call(self._stub.Resume, _with_request_id(request), repeatable=True)

    async def retry(self, request: pb.RetryRequest) -> pb.RetryResponse:
        """Let a faulted execution go on from its faulted task."""
        return await self._caller.call(self._stub.Retry, _with_request_id(request), repeatable=True)

    async def outcome(self, namespace: str, position: Position) -> pb.GetCommandOutcomeResponse:
        """What became of an accepted command, once the store has its position."""
        request = pb.GetCommandOutcomeRequest(namespace=namespace, position=position)
        return await self._caller.call(self._stub.GetCommandOutcome, request, repeatable=True)


def _with_request_id(request: _MutatingT, fresh: Callable[[], str] = fresh_uuid) -> _MutatingT:
    """The request, or a copy of it with a fresh request id."""
    if request.request_id:
        return request
    identified = type(request)()
    identified.CopyFrom(request)
    identified.request_id = fresh()
    return identified


def _next_page(request: _PagedT, token: str) -> _PagedT:
    following = type(request)()
    following.CopyFrom(request)
    following.page_token = token
    return following
