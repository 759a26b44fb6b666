"""The stream to the Action service: one writer, one reader, begun again whenever it is lost."""

import asyncio
from collections.abc import Coroutine

import grpc

from tidemill.api.actions.v1.action_service_pb2 import ExecuteRequest, ExecuteResponse
from tidemill.api.actions.v1.action_service_pb2_grpc import ActionServiceStub
from tidemill.engine.runtime.calls import Calls
from tidemill.engine.settings import Settings
from tidemill.loops import Stop
from tidemill.telemetry.logging import get_logger

_log = get_logger(__name__)


class StreamLostError(Exception):
    """The stream to the Action service has ended; what was open on it is sent again."""


class ActionStream:
    """Carries calls and outcomes between `Calls` and the Action service."""

    def __init__(self, channel: grpc.aio.Channel, calls: Calls, settings: Settings, engine_id: str) -> None:
        self._stub = ActionServiceStub(channel)
        self._calls = calls
        self._settings = settings
        self._engine_id = engine_id
        self.connected = False

    async def run_once(self, stop: Stop) -> bool:
        """One stream from its beginning to its end; raises StreamLostError unless asked to stop."""
        stream = self._stub.Execute()
        try:
            await stream.write(ExecuteRequest(engine_id=self._engine_id))
            await self._receive(await stream.read())
            self.connected = True
            _log.info("connected to the Action service")
            await _until_first(self._write(stream), self._read(stream), stop.wait())
        except grpc.aio.AioRpcError as error:
            raise StreamLostError(f"{error.code().name}: {error.details()}") from None
        finally:
            self.connected = False
            stream.cancel()
            self._calls.disconnected()
        if not stop.is_set():
            raise StreamLostError("the Action service has ended the stream")
        return False

    async def _write(self, stream: "grpc.aio.StreamStreamCall[ExecuteRequest, ExecuteResponse]") -> None:
        while True:
            message = self._calls.next_message()
            if message is not None:
                await stream.write(message)
                continue
            self._calls.wake.clear()
            wait_us = self._calls.wait_us()
            try:
                await asyncio.wait_for(
                    self._calls.wake.wait(), None if wait_us is None else wait_us / 1_000_000
                )
            except TimeoutError:
                continue

    async def _read(self, stream: "grpc.aio.StreamStreamCall[ExecuteRequest, ExecuteResponse]") -> None:
        while (response := await stream.read()) is not grpc.aio.EOF:
            await self._receive(response)

    async def _receive(self, response: object) -> None:
        if not isinstance(response, ExecuteResponse):
            raise StreamLostError("the Action service has ended the stream")
        if response.calls_in_flight_max:
            self._calls.in_flight_max = min(self._settings.calls_in_flight_max, response.calls_in_flight_max)
        self._calls.received(response.results)


async def _until_first(*works: Coroutine[object, object, None]) -> None:
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
