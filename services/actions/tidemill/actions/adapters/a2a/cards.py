"""Cards of agents: fetched when they are needed, and kept for a while, since an agent may move."""

import hashlib
from dataclasses import dataclass
from typing import Final

import httpx

from tidemill.actions.adapters.a2a.arguments import Address
from tidemill.actions.adapters.a2a.limits import A2aLimits
from tidemill.actions.adapters.http.auth.access import Access
from tidemill.actions.adapters.http.auth.shared import Made, SharedValues
from tidemill.actions.adapters.http.outlet import Outlet, OutletError, Wish
from tidemill.clock import Clock
from tidemill.json import Json, JsonError, dumps_canonical, loads

_OK: Final = 200
_JSONRPC: Final = "JSONRPC"
# Where else a card may name its agent, and the member there that names the protocol.
_INTERFACES: Final = {"additionalInterfaces": "transport", "supportedInterfaces": "protocolBinding"}


@dataclass(frozen=True, slots=True)
class Agent:
    """Where a card says that its agent is."""

    url: str


class Cards:
    """The agents of cards: each namespace has its own, and each authentication."""

    def __init__(self, outlet: Outlet, limits: A2aLimits, clock: Clock) -> None:
        self._outlet = outlet
        self._limits = limits
        self._agents = SharedValues[Agent](clock, entries_max=limits.cards_max)

    async def agent(self, card: Address, access: Access, namespace: str) -> Agent:
        """The agent of a card. Raises OutletError, also for a card that names no agent that can be asked."""

        async def fetch(_last: Agent | None) -> Made[Agent]:
            return Made(await self._fetch(card, access), self._limits.card_lifetime_us)

        return (await self._agents.get(_key(card, namespace), fetch)).value

    def forget(self, card: Address, namespace: str, agent: Agent) -> None:
        """Ask for the card anew the next time: its agent is not where it says."""
        self._agents.expire(_key(card, namespace), agent)

    async def close(self) -> None:
        """Give up cards that are being fetched."""
        await self._agents.close()

    async def _fetch(self, card: Address, access: Access) -> Agent:
        wish = Wish(
            method="GET",
            url=card.url,
            headers={"accept": "application/json"},
            body=None,
            access=access,
            bytes_max=self._limits.card_bytes_max,
            limit=f"a2a_card_bytes_max, {self._limits.card_bytes_max}",
        )
        async with self._outlet.answer(wish) as response:
            if response.status_code != _OK:
                start = await self._outlet.start(response, wish)
                raise OutletError(self._outlet.status_problem(response, start, wish))
            data = await self._outlet.whole(response, wish)
        try:
            url = agent_url(loads(data, field="the card"))
        except JsonError as error:
            raise wish.bad_answer(error.message) from None
        if url is None:
            raise wish.bad_answer("the card names no http or https URL for JSON-RPC")
        return Agent(url)


def agent_url(card: Json) -> str | None:
    """Where the agent of a card takes JSON-RPC; None where it does not, or nowhere that can be asked.

    Cards of version 0.3 have `url`, which is for `preferredTransport`, and `additionalInterfaces`; later ones
    have `supportedInterfaces`.
    """
    if not isinstance(card, dict):
        return None
    offers = [(card.get("preferredTransport", _JSONRPC), card.get("url"))]
    for name, binding in _INTERFACES.items():
        interfaces = card.get(name)
        for interface in interfaces if isinstance(interfaces, list) else []:
            if isinstance(interface, dict):
                offers.append((interface.get(binding), interface.get("url")))
    return next((str(url) for protocol, url in offers if protocol == _JSONRPC and _is_web(url)), None)


def _is_web(url: Json) -> bool:
    try:
        return isinstance(url, str) and httpx.URL(url).scheme in ("http", "https")
    except httpx.InvalidURL:
        return False


def _key(card: Address, namespace: str) -> bytes:
    return hashlib.blake2b(dumps_canonical([namespace, card.url, card.authentication])).digest()
