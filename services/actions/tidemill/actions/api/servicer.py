"""ActionService over gRPC: translates, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import grpc

from tidemill.actions.api.paging import page_of
from tidemill.actions.api.translation import action_of, call_of, cancellation_of, write_result
from tidemill.actions.core.model import Answer
from tidemill.actions.registry import Registry
from tidemill.actions.runtime.dispatch import Dispatcher
from tidemill.actions.runtime.settlement import Settlement
from tidemill.actions.runtime.streams import Stream, Streams
from tidemill.actions.settings import Settings
from tidemill.api.actions.v1 import action_service_pb2 as pb
from tidemill.api.actions.v1 import action_service_pb2_grpc as rpc
from tidemill.errors import TooLargeError
from tidemill.lanes import check_namespace
from tidemill.telemetry.logging import get_logger

_log = get_logger(__name__)


class ActionServicer(rpc.ActionServiceServicer):
    """Serves engines."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        settlement: Settlement,
        streams: Streams,
        registry: Registry,
        settings: Settings,
    ) -> None:
        self._dispatcher = dispatcher
        self._settlement = settlement
        self._streams = streams
        self._registry = registry
        self._settings = settings

    async def Execute(
        self,
        request_iterator: AsyncIterator[pb.ExecuteRequest],
        context: grpc.aio.ServicerContext[pb.ExecuteRequest, pb.ExecuteResponse],
    ) -> AsyncIterator[pb.ExecuteResponse]:
        with self._streams.open() as stream:
            yield pb.ExecuteResponse(calls_in_flight_max=self._settings.stream_calls_in_flight_max)
            reader = asyncio.create_task(self._read(stream, request_iterator))
            try:
                async for answers in stream.messages():
                    for message in self._messages(answers):
                        yield message
            finally:
                reader.cancel()

    async def ListActions(
        self, request: pb.ListActionsRequest, context: grpc.aio.ServicerContext[pb.ListActionsRequest, object]
    ) -> pb.ListActionsResponse:
        check_namespace(request.namespace)
        page, following = page_of(self._registry.all(), request, self._settings)
        return pb.ListActionsResponse(actions=map(action_of, page), next_page_token=following)

    async def _read(self, stream: Stream, requests: AsyncIterator[pb.ExecuteRequest]) -> None:
        """Take the engine's messages off the stream until it ends; what raises here ends the stream."""
        try:
            async for request in requests:
                self._take(stream, request)
        except Exception as error:
            stream.end(error)
        else:
            stream.end()

    def _take(self, stream: Stream, request: pb.ExecuteRequest) -> None:
        if request.engine_id:
            _log.info("an engine has connected", engine_id=request.engine_id)
        items = len(request.calls) + len(request.cancellations)
        if items > self._settings.request_items_max:
            raise TooLargeError(
                "request_items_max", limit_value=self._settings.request_items_max, actual=items
            )
        if request.settled_keys:
            self._settlement.add(request.settled_keys)
        calls = stream.take([call_of(call) for call in request.calls], len(request.cancellations))
        if calls:
            self._dispatcher.offer(stream, calls)
        if request.cancellations:
            self._dispatcher.cancel(stream, [cancellation_of(one) for one in request.cancellations])

    def _messages(self, answers: Sequence[Answer]) -> list[pb.ExecuteResponse]:
        """As few messages as the limit of bytes allows; a single larger result still goes out alone."""
        message = pb.ExecuteResponse()
        messages = [message]
        size = 0
        for answer in answers:
            added = write_result(message, answer)
            size += added
            if size > self._settings.response_bytes_max and len(message.results) > 1:
                # It was one too many, and begins the next.
                moved = message.results.pop()
                message = pb.ExecuteResponse(results=[moved])
                messages.append(message)
                size = added
        return messages
