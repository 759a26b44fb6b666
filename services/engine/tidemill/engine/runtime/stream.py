"""Streams to Action services: one writer and one reader each, begun again whenever one is lost."""

import asyncio
from collections.abc import Coroutine
from typing import TypeAlias

import grpc

from tidemill.api.actions.v1.action_service_pb2 import ExecuteRequest, ExecuteResponse
from tidemill.api.actions.v1.action_service_pb2_grpc import ActionServiceStub
from tidemill.engine.runtime.calls import Calls
from tidemill.engine.runtime.sessions import Session
from tidemill.loops import Stop
from tidemill.rpc.channel import connect
from tidemill.rpc.options import RpcOptions
from tidemill.telemetry.logging import get_logger

_log = get_logger(__name__)


_Stream: TypeAlias = "grpc.aio.StreamStreamCall[ExecuteRequest, ExecuteResponse]"


class StreamLostError(Exception):
    """The stream to an Action service has ended; what was open on it is sent again."""


class ActionStream:
    """Carries calls and outcomes between `Calls` and the Action service at one address."""

    def __init__(self, address: str, calls: Calls, engine_id: str, options: RpcOptions) -> None:
        self.address = address
        self._channel = connect(address, options)
        self._stub = ActionServiceStub(self._channel)
        self._calls = calls
        self._engine_id = engine_id
        self._log = _log.bind(address=address)
        self.connected = False

    async def run_once(self, stop: Stop) -> bool:
        """One stream from its beginning to its end; raises StreamLostError unless asked to stop."""
        stream = self._stub.Execute()
        try:
            await stream.write(ExecuteRequest(engine_id=self._engine_id))
            hello = _response(await stream.read())
            await self._carry(stream, hello.calls_in_flight_max or None, stop)
        except grpc.aio.AioRpcError as error:
            raise StreamLostError(f"{error.code().name}: {error.details()}") from None
        finally:
            stream.cancel()
        if not stop.is_set():
            raise StreamLostError("the Action service has ended the stream")
        return False

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close()

    async def _carry(self, stream: _Stream, in_flight_max: int | None, stop: Stop) -> None:
        """Be a session until the stream ends or stopping is asked for."""
        session = self._calls.connect(in_flight_max)
        self.connected = True
        self._log.info("connected to the Action service")
        try:
            await _until_first(self._write(stream, session), self._read(stream, session), stop.wait())
        finally:
            self.connected = False
            self._calls.disconnected(session)

    async def _write(self, stream: _Stream, session: Session) -> None:
        while True:
            session.wake.clear()
            message = self._calls.next_message(session)
            if message is not None:
                await stream.write(message)
                continue
            wait_us = self._calls.wait_us()
            try:
                await asyncio.wait_for(session.wake.wait(), None if wait_us is None else wait_us / 1_000_000)
            except TimeoutError:
                continue

    async def _read(self, stream: _Stream, session: Session) -> None:
        while (response := await stream.read()) is not grpc.aio.EOF:
            self._calls.received(session, _response(response).results)


def _response(read: object) -> ExecuteResponse:
    if not isinstance(read, ExecuteResponse):
        raise StreamLostError("the Action service has ended the stream")
    return read


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
