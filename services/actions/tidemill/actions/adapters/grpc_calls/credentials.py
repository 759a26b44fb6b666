"""The `authorization` of a gRPC call, made by what makes that of HTTP calls."""

from collections.abc import AsyncGenerator
from http import HTTPStatus

import httpx

from tidemill.actions.adapters.grpc_calls.problems import misconfigured


class Credentials:
    """The values of one call's `authorization`, one after the other."""

    def __init__(self, auth: httpx.Auth | None) -> None:
        # It is never sent, and says nothing of where the call goes.
        self._request = httpx.Request("POST", "https://grpc.invalid/")
        self._flow: AsyncGenerator[httpx.Request, httpx.Response] | None = None
        if auth is not None:
            self._flow = auth.async_auth_flow(self._request)

    async def first(self) -> str | None:
        """The value to begin with; None for none. Raises AuthenticationError, and GrpcError."""
        if self._flow is None:
            return None
        return _sendable((await anext(self._flow)).headers["authorization"])

    async def after_refusal(self) -> str | None:
        """Another value, where a token that was kept is no longer good; None where there is none.

        Raises AuthenticationError, and GrpcError.
        """
        if self._flow is None:
            return None
        refusal = httpx.Response(HTTPStatus.UNAUTHORIZED, request=self._request)
        try:
            return _sendable((await self._flow.asend(refusal)).headers["authorization"])
        except StopAsyncIteration:
            return None

    async def close(self) -> None:
        """There are no more."""
        if self._flow is not None:
            await self._flow.aclose()


def _sendable(value: str) -> str:
    if not value.isascii() or not value.isprintable():
        raise misconfigured("the credentials have characters that cannot be sent")
    return value
