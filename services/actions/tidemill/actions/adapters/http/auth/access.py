"""The face of this package: an `authentication` of the language, made an `httpx.Auth`."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, replace
from typing import Literal

import httpx

from tidemill.actions.adapters.http.auth.answers import Token
from tidemill.actions.adapters.http.auth.flows import Bearer, Digest, Tokens
from tidemill.actions.adapters.http.auth.grants import Grant, read_grant
from tidemill.actions.adapters.http.auth.limits import TokenLimits
from tidemill.actions.adapters.http.auth.members import member_object, text
from tidemill.actions.adapters.http.auth.problems import RefusedError, misconfigured
from tidemill.actions.adapters.http.auth.provider import Provider
from tidemill.actions.adapters.http.auth.secrets import HiddenTexts
from tidemill.actions.adapters.http.auth.shared import Made, SharedValues
from tidemill.clock import Clock
from tidemill.json import Json, dumps_canonical


@dataclass(frozen=True, slots=True, repr=False)
class Access:
    """How a call proves who is calling, and what of that may be shown nowhere. One for each call."""

    auth: httpx.Auth | None
    hidden: HiddenTexts


class Authenticator:
    """Makes accesses, and keeps the tokens that they fetch: for each namespace and each way to ask apart."""

    def __init__(self, client: httpx.AsyncClient, limits: TokenLimits, clock: Clock) -> None:
        """The client's connections are used for tokens too; it stays the caller's to close."""
        self._limits = limits
        self._provider = Provider(client, limits, clock)
        self._tokens = SharedValues[Token](clock, entries_max=limits.tokens_max)
        self._endpoints = SharedValues[str](clock, entries_max=limits.discoveries_max)
        # So that no key can be compared with a digest that was made elsewhere.
        self._salt = secrets.token_bytes(32)

    def access(self, authentication: Json, namespace: str) -> Access:
        """Read an inline `authentication`, whose expressions and secrets are resolved; None is none.

        Nothing is asked of anybody yet. Raises AuthenticationError; the auth may raise it too.
        """
        if authentication is None:
            return Access(None, HiddenTexts())
        members = member_object(authentication, "scheme")
        match list(members):
            case ["basic"]:
                return _basic(member_object(members["basic"], "basic"))
            case ["bearer"]:
                token = text(member_object(members["bearer"], "bearer").get("token"), "bearer.token")
                return Access(Bearer(token), HiddenTexts([token]))
            case ["digest"]:
                return _digest(member_object(members["digest"], "digest"))
            case ["oauth2" | "oidc" as scheme]:
                return self._oauth(scheme, members, namespace)
            case names:
                raise misconfigured(
                    "an authentication is one of basic, bearer, digest, oauth2 and oidc,"
                    f" not {', '.join(sorted(names)) or 'nothing'}"
                )

    async def close(self) -> None:
        """Give up requests for tokens that are under way."""
        await self._tokens.close()
        await self._endpoints.close()

    def _oauth(
        self, scheme: Literal["oauth2", "oidc"], authentication: dict[str, Json], namespace: str
    ) -> Access:
        grant = read_grant(authentication[scheme], scheme)
        hidden = HiddenTexts(grant.given_secrets())
        key = self._digest_of(namespace, authentication)
        return Access(Tokens(_Source(self, grant, key, hidden)), hidden)

    def _digest_of(self, *parts: Json) -> bytes:
        return hashlib.blake2b(dumps_canonical(list(parts)), key=self._salt).digest()

    async def take(self, grant: Grant, key: bytes, hidden: HiddenTexts) -> tuple[Token, bool]:
        """The token that is kept for the key, or a new one. Raises AuthenticationError."""
        return await self._tokens.get(key, lambda last: self._fetch(grant, last, hidden))

    def give_up(self, key: bytes, token: Token) -> None:
        """Use the token no longer."""
        self._tokens.expire(key, token)

    async def _fetch(self, grant: Grant, last: Token | None, hidden: HiddenTexts) -> Made[Token]:
        endpoint = grant.token_endpoint or await self._endpoint(grant)
        refresh = last.refresh if last is not None and grant.refreshes else ""
        try:
            token = await self._provider.token(grant, endpoint, hidden, refresh)
        except RefusedError:
            if not refresh:
                raise
            # The author's may be good still, or good again.
            token = await self._provider.token(grant, endpoint, hidden)
        # Who gives no other refresh token leaves the one that was used.
        return Made(replace(token, refresh=token.refresh or refresh), self._use_us(token))

    async def _endpoint(self, grant: Grant) -> str:
        async def discover(_last: str | None) -> Made[str]:
            return Made(await self._provider.discover(grant), self._limits.discovery_lifetime_us)

        key = self._digest_of(grant.authority, list(grant.issuers))
        return (await self._endpoints.get(key, discover)).value

    def _use_us(self, token: Token) -> int:
        lifetime_us = self._limits.lifetime_us if token.lifetime_us is None else token.lifetime_us
        # A token that lives shorter than two margins is worth keeping all the same.
        return lifetime_us - min(self._limits.margin_us, lifetime_us // 2)


class _Source:
    """The tokens of one call."""

    def __init__(self, authenticator: Authenticator, grant: Grant, key: bytes, hidden: HiddenTexts) -> None:
        self._authenticator = authenticator
        self._grant = grant
        self._key = key
        self._hidden = hidden
        self._last: Token | None = None

    async def take(self) -> tuple[str, bool]:
        token, is_new = await self._authenticator.take(self._grant, self._key, self._hidden)
        self._last = token
        self._hidden.add(token.value, token.refresh)
        return token.value, is_new

    def give_up(self) -> None:
        if self._last is not None:
            self._authenticator.give_up(self._key, self._last)


def _basic(members: dict[str, Json]) -> Access:
    username, password = (text(members.get(name), f"basic.{name}") for name in ("username", "password"))
    encoded = base64.b64encode(f"{username}:{password}".encode()).decode()
    return Access(httpx.BasicAuth(username, password), HiddenTexts([password], [encoded]))


def _digest(members: dict[str, Json]) -> Access:
    username, password = (text(members.get(name), f"digest.{name}") for name in ("username", "password"))
    if '"' in username or "\\" in username:
        raise misconfigured("authentication.digest.username cannot have quotation marks or backslashes")
    return Access(Digest(username, password), HiddenTexts([password]))
