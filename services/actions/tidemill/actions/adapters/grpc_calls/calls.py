"""gRPC calls: what describes the method, the message, the call, and every way to go wrong made a problem."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeAlias

import grpc

from tidemill.actions.adapters.grpc_calls.arguments import GrpcCall, parse
from tidemill.actions.adapters.grpc_calls.channels import Channels
from tidemill.actions.adapters.grpc_calls.credentials import Credentials
from tidemill.actions.adapters.grpc_calls.hosts import Target, target_of
from tidemill.actions.adapters.grpc_calls.limits import GrpcLimits
from tidemill.actions.adapters.grpc_calls.messages import decode, encode
from tidemill.actions.adapters.grpc_calls.problems import (
    GrpcError,
    LastingError,
    StatusError,
    bad_answer,
    misconfigured,
)
from tidemill.actions.adapters.grpc_calls.reflection import Metadata, reflected
from tidemill.actions.adapters.grpc_calls.schemas import Method, Schema
from tidemill.actions.adapters.http.auth.problems import AuthenticationError
from tidemill.actions.adapters.http.auth.shared import Made, SharedValues
from tidemill.actions.adapters.http.outlet import Outlet
from tidemill.actions.core.model import ActionState, Call, Outcome
from tidemill.actions.core.problems import failed
from tidemill.actions.core.secrets import cut, mask_outcome
from tidemill.clock import Clock
from tidemill.json import Json, dumps_canonical
from tidemill.protoc.compiling import ProtoCompiler, ProtoError

IDEMPOTENCY_METADATA: Final = "idempotency-key"
_US_PER_SECOND: Final = 1_000_000
# A text means the same for ever; this is a year.
_COMPILED_LIFETIME_US: Final = 31_536_000 * _US_PER_SECOND
_WORDS_MAX: Final = 512
# How gRPC says that the limit was ours.
_OURS: Final = "CLIENT: Received message larger than max"


_Known: TypeAlias = Schema | LastingError


class _Attempt:
    """What a call asks for, and how long it may take from now on."""

    __slots__ = ("_end", "key", "schema_key", "wanted")

    def __init__(self, wanted: GrpcCall, call: Call, seconds: float) -> None:
        self.wanted = wanted
        self.key = call.key
        self._end = asyncio.get_running_loop().time() + seconds
        # A text means the same to all; what a server tells of itself may depend on who asks.
        asked: list[Json] = [call.namespace, wanted.host, wanted.port, wanted.service, wanted.authentication]
        known: list[Json] = asked if wanted.proto is None else [wanted.proto]
        self.schema_key = hashlib.blake2b(dumps_canonical(known)).digest()

    def seconds(self) -> float:
        """What is left."""
        return max(0.0, self._end - asyncio.get_running_loop().time())


class GrpcCalls:
    """Calls methods of gRPC services."""

    def __init__(
        self, outlet: Outlet, limits: GrpcLimits, clock: Clock, hosts: dict[str, Target], roots: bytes | None
    ) -> None:
        self._authenticator = outlet.authenticator
        self._limits = limits
        self._hosts = hosts
        self._channels = Channels(limits, roots)
        self._compiler = ProtoCompiler(limits.compiling)
        self._schemas = SharedValues[_Known](clock, entries_max=limits.descriptors_max)

    async def run(self, call: Call) -> Outcome:
        """Make the call."""
        try:
            wanted = parse(call.arguments)
            access = self._authenticator.access(wanted.authentication, call.namespace)
            access.hidden.add(*call.hidden)
        except (GrpcError, AuthenticationError) as error:
            return failed(error.problem)
        credentials = Credentials(access.auth)
        try:
            output = await self._ask(wanted, credentials, call)
        except (GrpcError, AuthenticationError) as error:
            detail = self._cut(error.problem.detail, access.hidden.in_errors())
            return failed(replace(error.problem, detail=detail))
        finally:
            await credentials.close()
        outcome = Outcome(ActionState.SUCCEEDED, output)
        made = access.hidden.in_outputs()
        return mask_outcome(outcome, made) if made else outcome

    async def close(self) -> None:
        """Give up what is being learned, and close the channels."""
        await self._schemas.close()
        await self._channels.close()

    async def _ask(self, wanted: GrpcCall, credentials: Credentials, call: Call) -> bytes:
        attempt = _Attempt(wanted, call, (call.timeout_us or self._limits.timeout_us) / _US_PER_SECOND)
        authorization = await credentials.first()
        try:
            return await self._attempt(attempt, authorization)
        except StatusError as error:
            if error.code is not grpc.StatusCode.UNAUTHENTICATED:
                raise
            authorization = await credentials.after_refusal()
            if authorization is None:
                raise
        return await self._attempt(attempt, authorization)

    async def _attempt(self, attempt: _Attempt, authorization: str | None) -> bytes:
        wanted = attempt.wanted
        access: Metadata = () if authorization is None else (("authorization", authorization),)
        try:
            method = await self._method(attempt, access)
            request = await asyncio.to_thread(encode, wanted.arguments, method)
            target = target_of(wanted.host, wanted.port, self._hosts)
            async with self._channels.channel(target) as channel:
                metadata = (*access, (IDEMPOTENCY_METADATA, attempt.key))
                answers = await self._answers(channel, method, request, metadata, attempt.seconds())
            limit = self._limits.response_bytes_max
            return await asyncio.to_thread(decode, answers, method, bytes_max=limit)
        except grpc.aio.AioRpcError as error:
            raise self._failure(error, wanted) from None

    async def _answers(
        self,
        channel: grpc.aio.Channel,
        method: Method,
        request: bytes,
        metadata: Metadata,
        seconds: float,
    ) -> Sequence[bytes]:
        """The messages as they stand on the wire. Raises GrpcError, and AioRpcError."""
        if not method.streams:
            unary: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method.path)
            return [await unary(request, metadata=metadata, timeout=seconds)]
        stream: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(method.path)
        answers: list[bytes] = []
        size = 0
        call = stream(request, metadata=metadata, timeout=seconds)
        try:
            async for data in call:
                answers.append(data)
                size += len(data)
                if len(answers) > self._limits.messages_max:
                    raise bad_answer(
                        f"the answer has more messages than grpc_messages_max, {self._limits.messages_max}"
                    )
                if size > self._limits.response_bytes_max:
                    raise bad_answer(self._too_large())
        finally:
            call.cancel()
        return answers

    async def _method(self, attempt: _Attempt, access: Metadata) -> Method:
        """What describes the method. Raises GrpcError, and AioRpcError."""
        wanted = attempt.wanted

        async def compile_text(_last: _Known | None) -> Made[_Known]:
            return Made(await self._compiled(wanted.proto or ""), _COMPILED_LIFETIME_US)

        async def reflect(_last: _Known | None) -> Made[_Known]:
            target = target_of(wanted.host, wanted.port, self._hosts)
            async with self._channels.channel(target) as channel:
                files = await reflected(
                    channel,
                    wanted.service,
                    access,
                    seconds=attempt.seconds(),
                    bytes_max=self._limits.reflection_bytes_max,
                )
            return Made(await asyncio.to_thread(Schema, files), self._limits.reflection_lifetime_us)

        make = reflect if wanted.proto is None else compile_text
        schema = (await self._schemas.get(attempt.schema_key, make)).value
        if isinstance(schema, LastingError):
            raise GrpcError(schema.problem)
        try:
            return schema.method(wanted.service, wanted.method)
        except GrpcError:
            if wanted.proto is None:
                self._schemas.expire(attempt.schema_key, schema)
            raise

    async def _compiled(self, text: str) -> _Known:
        """What a text says, or why it says nothing, which is kept too. Raises GrpcError."""
        try:
            return await asyncio.to_thread(Schema, await self._compiler.compile(text))
        except ProtoError as error:
            # What was killed has perhaps met a machine that was busy.
            if error.is_lasting:
                return LastingError(str(error))
            raise misconfigured(str(error)) from None

    def _failure(self, error: grpc.aio.AioRpcError, wanted: GrpcCall) -> GrpcError:
        code, words = error.code(), " ".join((error.details() or "").split())
        if code is grpc.StatusCode.RESOURCE_EXHAUSTED and _OURS in words:
            return bad_answer(wanted.told(self._too_large()))
        return StatusError(code, wanted.told(f"{code.name}: {words}" if words else code.name))

    def _cut(self, detail: str, hidden: tuple[str, ...]) -> str:
        """As much as people read."""
        return cut(detail, _WORDS_MAX + self._limits.error_excerpt_bytes_max, hidden)

    def _too_large(self) -> str:
        return f"the answer is over grpc_response_bytes_max, {self._limits.response_bytes_max}"
