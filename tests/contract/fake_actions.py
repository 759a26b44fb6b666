"""An Action service for tests of the Engine: answers as told, remembers what it was asked."""

import asyncio
from collections.abc import AsyncIterator, Callable

import orjson

from tidemill.api.actions.v1 import action_service_pb2 as pb
from tidemill.api.actions.v1.action_service_pb2_grpc import (
    ActionServiceServicer,
    add_ActionServiceServicer_to_server,
)
from tidemill.api.events.v1 import history_pb2
from tidemill.json import Json
from tidemill.rpc import Context, RpcServer, RpcService, build_server

Behaviour = Callable[[pb.ActionCall], pb.ActionResult | None]


def succeeded(call: pb.ActionCall, output: Json) -> pb.ActionResult:
    """The call gave an output."""
    made = pb.ActionResult(key=call.key, attempt=call.attempt, state=history_pb2.ACTION_STATE_SUCCEEDED)
    made.output.data = orjson.dumps(output)
    return made


def failed(call: pb.ActionCall, status: int, detail: str = "no") -> pb.ActionResult:
    """The call gave an error."""
    made = pb.ActionResult(key=call.key, attempt=call.attempt, state=history_pb2.ACTION_STATE_FAILED)
    made.error.type = "https://open-workflow-specification.org/spec/1.0.0/errors/communication"
    made.error.status = status
    made.error.detail = detail
    return made


class FakeActions(ActionServiceServicer):
    """Answers each call by the behaviour of its action; an action without one echoes its arguments."""

    def __init__(self) -> None:
        self.behaviours: dict[str, Behaviour] = {}
        self.calls: list[pb.ActionCall] = []
        self.cancelled: list[str] = []
        self.settled: list[str] = []
        self.answer_cancellations = True
        self._asked = asyncio.Condition()

    async def Execute(
        self, request_iterator: AsyncIterator[pb.ExecuteRequest], context: Context
    ) -> AsyncIterator[pb.ExecuteResponse]:
        yield pb.ExecuteResponse(calls_in_flight_max=1000)
        async for request in request_iterator:
            results = [result for call in request.calls if (result := self._answer(call)) is not None]
            cancelled = [self._cancel(cancellation) for cancellation in request.cancellations]
            if self.answer_cancellations:
                results.extend(cancelled)
            self.settled.extend(request.settled_keys)
            async with self._asked:
                self._asked.notify_all()
            if results:
                yield pb.ExecuteResponse(results=results)

    async def ListActions(self, request: pb.ListActionsRequest, context: Context) -> pb.ListActionsResponse:
        return pb.ListActionsResponse()

    async def until_called(self, count: int) -> list[pb.ActionCall]:
        """The calls, once there are so many."""
        async with self._asked:
            await asyncio.wait_for(self._asked.wait_for(lambda: len(self.calls) >= count), 10)
        return self.calls

    async def until_cancelled(self, count: int) -> list[str]:
        """The cancelled keys, once there are so many."""
        async with self._asked:
            await asyncio.wait_for(self._asked.wait_for(lambda: len(self.cancelled) >= count), 10)
        return self.cancelled

    def _answer(self, call: pb.ActionCall) -> pb.ActionResult | None:
        self.calls.append(call)
        behaviour = self.behaviours.get(call.action)
        if behaviour is not None:
            return behaviour(call)
        return succeeded(call, orjson.loads(call.arguments.data or b"null"))

    def _cancel(self, cancellation: pb.ActionCancellation) -> pb.ActionResult:
        self.cancelled.append(cancellation.key)
        return pb.ActionResult(
            key=cancellation.key, attempt=cancellation.attempt, state=history_pb2.ACTION_STATE_CANCELLED
        )


async def serve(actions: FakeActions, address: str = "127.0.0.1:0") -> RpcServer:
    """Serve it, on a free port unless told."""
    service = RpcService(
        "tidemill.api.actions.v1.ActionService",
        lambda server: add_ActionServiceServicer_to_server(actions, server),
    )
    server = build_server(address, [service])
    await server.start()
    return server
