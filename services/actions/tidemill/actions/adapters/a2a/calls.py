"""A2A calls: JSON-RPC over the connections of HTTP calls, and every way to go wrong made a problem."""

from dataclasses import dataclass, replace
from typing import Final

import httpx

from tidemill.actions.adapters.a2a.answers import AnswerError, error_in, is_last, result_of
from tidemill.actions.adapters.a2a.arguments import A2aCall, Address, InvalidArgumentsError, parse
from tidemill.actions.adapters.a2a.cards import Agent, Cards
from tidemill.actions.adapters.a2a.events import Events
from tidemill.actions.adapters.a2a.limits import A2aLimits
from tidemill.actions.adapters.http.arguments import IDEMPOTENCY_HEADER
from tidemill.actions.adapters.http.auth.access import Access
from tidemill.actions.adapters.http.auth.problems import AuthenticationError
from tidemill.actions.adapters.http.bodies import JSON_TYPE, split_type
from tidemill.actions.adapters.http.failures import UNREACHABLE
from tidemill.actions.adapters.http.outlet import Outlet, OutletError, Wish
from tidemill.actions.core.model import ActionState, Call, Outcome, Problem
from tidemill.actions.core.problems import failed
from tidemill.actions.core.secrets import mask_outcome, masked
from tidemill.clock import Clock
from tidemill.json import Json, dumps

EVENTS_TYPE: Final = "text/event-stream"
_OK: Final = 200
# An agent that is not where its card says may have moved.
_MOVED: Final = (301, 302, 307, 308, 404, 410, UNREACHABLE)


@dataclass(frozen=True, slots=True, repr=False)
class _Target:
    """Where to ask, with which access; the agent where a card has named it."""

    url: str
    access: Access
    agent: Agent | None = None


class A2aCalls:
    """Calls agents."""

    def __init__(self, outlet: Outlet, limits: A2aLimits, clock: Clock) -> None:
        self._outlet = outlet
        self._limits = limits
        self._cards = Cards(outlet, limits, clock)

    async def run(self, call: Call) -> Outcome:
        """Make the call."""
        try:
            wanted = parse(call.arguments, call.key)
            target = await self._target(wanted, call.namespace)
            target.access.hidden.add(*call.hidden)
        except (InvalidArgumentsError, AuthenticationError, OutletError) as error:
            return failed(error.problem)
        try:
            output = await self._ask(wanted, target, call.key)
        except (OutletError, AnswerError) as error:
            self._reconsider(wanted, target, error.problem, call.namespace)
            detail = masked(error.problem.detail, target.access.hidden.in_errors())
            return failed(replace(error.problem, detail=detail))
        outcome = Outcome(ActionState.SUCCEEDED, dumps(output))
        made = target.access.hidden.in_outputs()
        return mask_outcome(outcome, made) if made else outcome

    async def close(self) -> None:
        """Give up cards that are being fetched."""
        await self._cards.close()

    async def _target(self, wanted: A2aCall, namespace: str) -> _Target:
        address = wanted.server or wanted.card
        assert address is not None
        access = self._outlet.authenticator.access(address.authentication, namespace)
        if wanted.card is None:
            return _Target(address.url, access)
        agent = await self._cards.agent(wanted.card, access, namespace)
        if _same_origin(wanted.card, agent.url):
            return _Target(agent.url, access, agent)
        # What proves the caller to the place of the card is nobody else's to see.
        return _Target(agent.url, self._outlet.authenticator.access(None, namespace), agent)

    async def _ask(self, wanted: A2aCall, target: _Target, key: str) -> Json:
        wish = self._wish(wanted, target, key)
        async with self._outlet.answer(wish) as response:
            if response.status_code != _OK:
                raise await self._refusal(response, wish, wanted)
            media_type, _ = split_type(response.headers.get("content-type", ""))
            if wanted.streams and media_type == EVENTS_TYPE:
                return await self._events(response, wish, wanted)
            data = await self._outlet.whole(response, wish)
        result = self._result(data, wanted, wish)
        # An agent that does not stream may answer at once.
        return [result] if wanted.streams else result

    def _wish(self, wanted: A2aCall, target: _Target, key: str) -> Wish:
        request: dict[str, Json] = {"jsonrpc": "2.0", "id": key, "method": wanted.method}
        if wanted.parameters is not None:
            request["params"] = wanted.parameters
        return Wish(
            method="POST",
            url=target.url,
            headers={
                "accept": EVENTS_TYPE if wanted.streams else JSON_TYPE,
                "content-type": JSON_TYPE,
                IDEMPOTENCY_HEADER: key,
            },
            body=dumps(request),
            access=target.access,
            bytes_max=self._limits.response_bytes_max,
            limit=f"a2a_response_bytes_max, {self._limits.response_bytes_max}",
        )

    async def _refusal(self, response: httpx.Response, wish: Wish, wanted: A2aCall) -> OutletError:
        """The error of a bad status: the agent's own, if the body has one."""
        data = await self._outlet.start(response, wish)
        excerpt_bytes_max = self._limits.error_excerpt_bytes_max
        hidden = wish.access.hidden.in_errors()
        own = error_in(data, wanted.method, hidden, excerpt_bytes_max=excerpt_bytes_max)
        return OutletError(own or self._outlet.status_problem(response, data, wish))

    async def _events(self, response: httpx.Response, wish: Wish, wanted: A2aCall) -> Json:
        """The results of all events, in their order."""
        results: list[Json] = []
        events = Events()
        async for piece in self._outlet.pieces(response, wish):
            for data in events.take(piece):
                results.append(self._result(data, wanted, wish))
                if is_last(results[-1]):
                    return results
        if not results:
            raise wish.bad_answer("the stream has ended without an event")
        return results

    def _result(self, data: bytes, wanted: A2aCall, wish: Wish) -> Json:
        excerpt_bytes_max = self._limits.error_excerpt_bytes_max
        hidden = wish.access.hidden.in_errors()
        return result_of(data, wanted.method, hidden, excerpt_bytes_max=excerpt_bytes_max)

    def _reconsider(self, wanted: A2aCall, target: _Target, problem: Problem, namespace: str) -> None:
        if target.agent is not None and wanted.card is not None and problem.status in _MOVED:
            self._cards.forget(wanted.card, namespace, target.agent)


def _same_origin(card: Address, url: str) -> bool:
    ours, theirs = httpx.URL(card.url), httpx.URL(url)
    return (ours.scheme, ours.host, ours.port) == (theirs.scheme, theirs.host, theirs.port)
