"""ExecutionService: commands through ingress, reads from the store."""

from collections.abc import AsyncIterator
from typing import TypeAlias

import grpc

from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.engine.v1.execution_pb2 import Execution
from tidemill.api.engine.v1.execution_service_pb2_grpc import ExecutionServiceServicer
from tidemill.api.engine.v1.position_pb2 import Position
from tidemill.api.events.v1 import command_pb2
from tidemill.engine.api import messages
from tidemill.engine.api.reads import Reads
from tidemill.engine.runtime.ingress import Accepted, Ingress, Prepared
from tidemill.engine.settings import Settings
from tidemill.errors import TidemillError, TooLargeError, to_item_error

Context: TypeAlias = "grpc.aio.ServicerContext[object, object]"
ReadRequest = (
    pb.ExecutionServiceGetRequest | pb.ExecutionServiceListRequest | pb.GetHistoryRequest | pb.WatchRequest
)
SteerRequest = pb.CancelRequest | pb.SuspendRequest | pb.ResumeRequest | pb.RetryRequest


class ExecutionApi(ExecutionServiceServicer):
    """Translates requests."""

    def __init__(self, ingress: Ingress, reads: Reads, settings: Settings) -> None:
        self._ingress = ingress
        self._reads = reads
        self._settings = settings

    async def Start(self, request: pb.StartRequest, context: Context) -> pb.StartResponse:
        accepted = await self._ingress.start(request)
        return pb.StartResponse(
            execution_id=accepted.execution_id,
            created=accepted.created,
            position=messages.position(accepted),
            version=accepted.version,
        )

    async def Submit(self, request: pb.SubmitRequest, context: Context) -> pb.SubmitResponse:
        if len(request.commands) > self._settings.submit_commands_max:
            raise TooLargeError(
                "submit_commands_max",
                limit_value=self._settings.submit_commands_max,
                actual=len(request.commands),
            )
        prepared = [self._prepare(command, request.namespace) for command in request.commands]
        outcomes = iter(await self._ingress.accept([item for item in prepared if isinstance(item, Prepared)]))
        return pb.SubmitResponse(
            results=[_result(next(outcomes) if isinstance(item, Prepared) else item) for item in prepared]
        )

    async def Get(
        self, request: pb.ExecutionServiceGetRequest, context: Context
    ) -> pb.ExecutionServiceGetResponse:
        await self._reads.wait_for(_at_least(request), context.time_remaining())
        row = await self._reads.execution(request.namespace, request.execution_id)
        return pb.ExecutionServiceGetResponse(execution=messages.execution(row))

    async def List(
        self, request: pb.ExecutionServiceListRequest, context: Context
    ) -> pb.ExecutionServiceListResponse:
        await self._reads.wait_for(_at_least(request), context.time_remaining())
        rows, token = await self._reads.executions(request)
        return pb.ExecutionServiceListResponse(
            executions=map(messages.execution, rows), next_page_token=token
        )

    async def GetHistory(self, request: pb.GetHistoryRequest, context: Context) -> pb.GetHistoryResponse:
        await self._reads.wait_for(_at_least(request), context.time_remaining())
        events, token = await self._reads.history(request)
        return pb.GetHistoryResponse(events=events, next_page_token=token)

    async def Watch(self, request: pb.WatchRequest, context: Context) -> AsyncIterator[pb.WatchResponse]:
        await self._reads.wait_for(_at_least(request), context.time_remaining())
        async for response in self._reads.watch(request):
            yield response

    async def Suspend(self, request: pb.SuspendRequest, context: Context) -> pb.SuspendResponse:
        accepted = await self._steer(request, context)
        return pb.SuspendResponse(execution=await self._after(request), position=messages.position(accepted))

    async def Resume(self, request: pb.ResumeRequest, context: Context) -> pb.ResumeResponse:
        accepted = await self._steer(request, context)
        return pb.ResumeResponse(execution=await self._after(request), position=messages.position(accepted))

    async def Cancel(self, request: pb.CancelRequest, context: Context) -> pb.CancelResponse:
        accepted = await self._steer(request, context)
        return pb.CancelResponse(execution=await self._after(request), position=messages.position(accepted))

    async def Retry(self, request: pb.RetryRequest, context: Context) -> pb.RetryResponse:
        accepted = await self._steer(request, context)
        return pb.RetryResponse(execution=await self._after(request), position=messages.position(accepted))

    async def GetCommandOutcome(
        self, request: pb.GetCommandOutcomeRequest, context: Context
    ) -> pb.GetCommandOutcomeResponse:
        rejected = await self._reads.rejection(request.position, context.time_remaining())
        if rejected is None:
            return pb.GetCommandOutcomeResponse(outcome=pb.COMMAND_OUTCOME_APPLIED)
        return pb.GetCommandOutcomeResponse(outcome=pb.COMMAND_OUTCOME_REJECTED, error=rejected)

    async def _steer(self, request: SteerRequest, context: Context) -> Accepted:
        """Have the command accepted and wait for its outcome; raises its rejection."""
        prepared = self._ingress.prepare(
            request.namespace, request.execution_id, request.request_id, _kind_of(request)
        )
        outcome = (await self._ingress.accept([prepared]))[0]
        if isinstance(outcome, TidemillError):
            raise outcome
        await self._reads.applied(outcome, context.time_remaining())
        return outcome

    async def _after(self, request: SteerRequest) -> Execution:
        row = await self._reads.execution(request.namespace, request.execution_id)
        return messages.execution(row)

    def _prepare(self, command: pb.SubmitCommand, namespace: str) -> Prepared | TidemillError:
        try:
            kind = command.WhichOneof("kind")
            if kind == "start":
                command.start.namespace = command.start.namespace or namespace
                return self._ingress.prepare_start(command.start)
            if kind == "hear":
                command.hear.namespace = command.hear.namespace or namespace
                return self._ingress.prepare_hear(command.hear)
            request: SteerRequest = getattr(command, kind or "cancel")
            return self._ingress.prepare(
                request.namespace or namespace, request.execution_id, request.request_id, _kind_of(request)
            )
        except TidemillError as error:
            return error


def _at_least(request: ReadRequest) -> Position | None:
    return request.at_least if request.HasField("at_least") else None


def _kind_of(request: SteerRequest) -> command_pb2.Command:
    """What the request asks for, as the only field of a record."""
    match request:
        case pb.CancelRequest():
            return command_pb2.Command(cancel=command_pb2.CancelCommand(reason=request.reason))
        case pb.SuspendRequest():
            return command_pb2.Command(suspend=command_pb2.SuspendCommand(reason=request.reason))
        case pb.ResumeRequest():
            return command_pb2.Command(resume=command_pb2.ResumeCommand())
        case _:
            return command_pb2.Command(retry=command_pb2.RetryCommand(if_sequence=request.if_sequence))


def _result(outcome: Accepted | TidemillError) -> pb.SubmitResult:
    if isinstance(outcome, TidemillError):
        return pb.SubmitResult(error=to_item_error(outcome))
    return pb.SubmitResult(
        execution_id=outcome.execution_id, created=outcome.created, position=messages.position(outcome)
    )
