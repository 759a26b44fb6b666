"""HTTP calls: one pooled client, and every way in which a call can go wrong made a problem."""

from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx

from tidemill.actions.adapters.http.action import HttpLimits
from tidemill.actions.adapters.http.answers import is_error, masked_bytes, output_of, shown, status_problem
from tidemill.actions.adapters.http.arguments import HttpCall, InvalidArgumentsError, parse
from tidemill.actions.adapters.http.auth.access import Access, Authenticator
from tidemill.actions.adapters.http.auth.problems import AuthenticationError
from tidemill.actions.adapters.http.failures import failure_problem
from tidemill.actions.adapters.http.outlet import Outlet
from tidemill.actions.adapters.http.pools import Pools
from tidemill.actions.core.model import ActionState, Call, Outcome, Problem
from tidemill.actions.core.problems import failed
from tidemill.actions.core.secrets import mask_outcome, masked
from tidemill.clock import Clock
from tidemill.json import JsonError, dumps
from tidemill.redirected_hosts import RedirectedHosts

_US_PER_SECOND: Final = 1_000_000


class _ResponseTooLargeError(Exception):
    """The body is over `response_bytes_max`."""


class HttpCalls:
    """Makes HTTP calls. No cookies are kept and no proxy or netrc is read: calls of tenants share nothing."""

    def __init__(self, limits: HttpLimits, hosts: Mapping[str, str], clock: Clock) -> None:
        self._limits = limits
        certificates = httpx.create_ssl_context()

        def make_pool(*, connections_max: int) -> httpx.AsyncBaseTransport:
            pool_limits = httpx.Limits(max_connections=connections_max)
            return httpx.AsyncHTTPTransport(verify=certificates, trust_env=False, limits=pool_limits)

        transport: httpx.AsyncBaseTransport = Pools(make_pool, connections_max=limits.connections_max)
        self._client = httpx.AsyncClient(
            transport=RedirectedHosts(transport, hosts) if hosts else transport,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            max_redirects=limits.redirects_max,
            headers={"user-agent": "tidemill"},
            # The call as a whole has its own time limit.
            timeout=httpx.Timeout(None, connect=limits.connect_timeout_us / _US_PER_SECOND),
        )
        self._authenticator = Authenticator(self._client, limits.tokens, clock)
        self.outlet = Outlet(
            self._client, self._authenticator, excerpt_bytes_max=limits.error_excerpt_bytes_max
        )

    async def run(self, call: Call) -> Outcome:
        """Make the call."""
        try:
            wanted = parse(call.arguments, call.key)
            access = self._authenticator.access(wanted.authentication, call.namespace)
            # Whoever put them in masks them too, but finds none that is cut in two, or that stands in base64.
            access.hidden.add(*call.hidden)
        except (InvalidArgumentsError, AuthenticationError) as error:
            return failed(error.problem)
        try:
            outcome = await self._send(wanted, access)
        except AuthenticationError as error:
            return failed(error.problem)
        except (httpx.HTTPError, httpx.InvalidURL, _ResponseTooLargeError, JsonError, UnicodeError) as error:
            return failed(_problem_of(error, wanted, access.hidden.in_errors()))
        made = [text for text in access.hidden.in_outputs() if _is_in(text, outcome)]
        return mask_outcome(outcome, made) if made else outcome

    async def close(self) -> None:
        """Close the connections."""
        await self._authenticator.close()
        await self._client.aclose()

    async def _send(self, wanted: HttpCall, access: Access) -> Outcome:
        headers = [(name.encode(), value.encode()) for name, value in wanted.headers.items()]
        request = self._client.build_request(wanted.method, wanted.url, headers=headers, content=wanted.body)
        response = await self._client.send(
            request, auth=access.auth, stream=True, follow_redirects=wanted.redirect
        )
        try:
            if is_error(response.status_code, redirect=wanted.redirect):
                return failed(await self._refusal(response, access.hidden.in_errors()))
            data = await _whole(response, self._limits.response_bytes_max)
            # Here, since what goes out in base64 could not be searched.
            data = masked_bytes(data, access.hidden.in_outputs())
        finally:
            await response.aclose()
        return Outcome(ActionState.SUCCEEDED, dumps(output_of(response, data, wanted.output)))

    async def _refusal(self, response: httpx.Response, hidden: tuple[str, ...]) -> Problem:
        excerpt_bytes_max = self._limits.error_excerpt_bytes_max
        longest = max((len(text.encode()) for text in hidden), default=0)
        start = await _start_of(response, excerpt_bytes_max + longest)
        return status_problem(response, start, hidden, excerpt_bytes_max=excerpt_bytes_max)


def _is_in(text: str, outcome: Outcome) -> bool:
    """Before it is taken apart: few outputs have any of it."""
    return outcome.output is not None and dumps(text)[1:-1] in outcome.output


async def _whole(response: httpx.Response, bytes_max: int) -> bytes:
    data = bytearray()
    async for chunk in response.aiter_bytes():
        data += chunk
        if len(data) > bytes_max:
            raise _ResponseTooLargeError(f"the response is over http_response_bytes_max, {bytes_max}")
    return bytes(data)


async def _start_of(response: httpx.Response, bytes_max: int) -> bytes:
    """The first bytes of the body; a body that breaks off does not hide the status."""
    data = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            data += chunk
            if len(data) >= bytes_max:
                break
    except httpx.HTTPError:
        pass
    return bytes(data[:bytes_max])


def _problem_of(error: Exception, wanted: HttpCall, hidden: tuple[str, ...]) -> Problem:
    reason = str(error) or type(error).__name__
    detail = masked(f"{wanted.method} {shown(wanted.url)}: {reason}", hidden)
    return failure_problem(error, detail)
