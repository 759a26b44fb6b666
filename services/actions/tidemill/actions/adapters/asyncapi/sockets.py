"""One call over a WebSocket: a connection that takes the messages that pass, until there are enough."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import websockets.asyncio.client as client
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
    WebSocketException,
)

from tidemill.actions.adapters.asyncapi.arguments import Listening
from tidemill.actions.adapters.asyncapi.limits import SocketLimits
from tidemill.actions.adapters.asyncapi.messages import message_of
from tidemill.actions.adapters.asyncapi.problems import (
    BAD_ANSWER,
    TOO_LARGE,
    UNREACHABLE,
    AsyncApiError,
    failed_with,
    misconfigured,
    unauthenticated,
)
from tidemill.actions.adapters.grpc_calls.credentials import Credentials
from tidemill.actions.adapters.grpc_calls.problems import GrpcError
from tidemill.actions.adapters.http.auth.access import Access
from tidemill.clock import Clock
from tidemill.expressions import Budget
from tidemill.json import Json, dumps

_US_PER_SECOND: Final = 1_000_000
_MESSAGE_TOO_BIG: Final = 1_009
_UNAUTHORIZED: Final = 401
# A server that has much more to say does not hear at once that this was enough.
_CLOSE_SECONDS: Final = 0.2


class Sockets:
    """Takes messages from WebSockets. `hosts` are HTTP hosts that are elsewhere, with the bases there."""

    def __init__(self, limits: SocketLimits, hosts: Mapping[str, str], clock: Clock) -> None:
        self._limits = limits
        self._hosts = hosts
        self._clock = clock

    async def listen(self, listening: Listening, access: Access) -> list[Json]:
        """The messages that pass, in order, as many as are wanted; fewer at the time that is said.

        Raises AsyncApiError.
        """
        where = urlsplit(listening.url)._replace(query="", fragment="").geturl()
        try:
            credentials = Credentials(access.auth)
            authorization = await credentials.first()
        except GrpcError as error:
            raise AsyncApiError(error.problem) from None
        headers = {} if authorization is None else {"authorization": authorization}
        messages: list[Json] = []
        limit = asyncio.timeout(self._seconds_left(listening))
        try:
            async with limit, self._connection(listening.url, headers) as connection:
                await self._take(connection, listening, messages)
        except TimeoutError:
            if not limit.expired() or not listening.wanted.until_us:
                raise failed_with(UNREACHABLE, f"{where}: the connection was not made in time") from None
        except (OSError, WebSocketException) as error:
            raise _failure(error, where) from None
        finally:
            await credentials.close()
        return messages

    def _seconds_left(self, listening: Listening) -> float | None:
        until_us = listening.wanted.until_us
        return max(0, until_us - self._clock.now_us()) / _US_PER_SECOND if until_us else None

    def _connection(self, url: str, headers: Mapping[str, str]) -> client.connect:
        options: dict[str, Any] = {}
        parts = urlsplit(url)
        base = self._hosts.get(parts.netloc.lower()) or self._hosts.get((parts.hostname or "").lower())
        if base:
            there = urlsplit(base)
            options = {"host": there.hostname, "port": there.port or 80}
        return client.connect(
            url,
            additional_headers=headers,
            user_agent_header="tidemill",
            open_timeout=self._limits.connect_timeout_us / _US_PER_SECOND,
            close_timeout=_CLOSE_SECONDS,
            max_size=self._limits.message_bytes_max,
            proxy=None,
            **options,
        )

    async def _take(
        self, connection: client.ClientConnection, listening: Listening, messages: list[Json]
    ) -> None:
        wanted, size = listening.wanted, 0
        while len(messages) < wanted.messages_max:
            data = await connection.recv(decode=False)
            message = message_of(
                data,
                (),
                content_type=wanted.content_type,
                correlation=wanted.correlation,
                where=f"a message of {urlsplit(listening.url).netloc}",
            )
            if wanted.filter.passes(message, Budget()):
                messages.append(message)
                size += len(dumps(message))
            if size > self._limits.messages_bytes_max:
                limit = self._limits.messages_bytes_max
                raise failed_with(TOO_LARGE, f"the messages are over ws_messages_bytes_max, {limit}")


def _failure(error: Exception, where: str) -> AsyncApiError:
    match error:
        case InvalidURI():
            return misconfigured(f"{where}: {error}")
        case InvalidStatus() if error.response.status_code == _UNAUTHORIZED:
            return AsyncApiError(unauthenticated(f"{where}: {error}"))
        case InvalidStatus():
            return failed_with(error.response.status_code, f"{where}: {error}")
        case ConnectionClosed() if _is_too_big(error):
            return failed_with(TOO_LARGE, f"{where}: {error}")
        case OSError():
            return failed_with(UNREACHABLE, f"{where}: {error}")
        case InvalidHandshake() | WebSocketException() | _:
            return failed_with(BAD_ANSWER, f"{where}: {error}")


def _is_too_big(error: ConnectionClosed) -> bool:
    return error.sent is not None and error.sent.code == _MESSAGE_TOO_BIG
