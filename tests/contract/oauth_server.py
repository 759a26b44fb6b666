"""Authlib's OAuth2 server as the tests' provider of tokens has it: clients, grants, and signed tokens."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.flask_oauth2.requests import FlaskOAuth2Request
from authlib.oauth2.rfc6749 import ClientMixin, InvalidGrantError, TokenMixin, grants
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator, JWTBearerTokenValidator
from flask import Flask, Request, request
from joserfc.jwk import OctKey, RSAKey

if TYPE_CHECKING:
    from tests.contract.token_provider import TokenProvider

USER, PASSWORD = "ada", "love:lace & more"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
CLIENT_KEY = RSAKey.generate_key(2048)
_METHODS = ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"]
_SIGNING_KEYS = [RSAKey.generate_key(2048, {"use": "sig"}) for _ in range(2)]


class Client(ClientMixin):
    """A client that proves itself in one way."""

    def __init__(self, client_id: str, method: str, secret: str = "") -> None:
        self.client_id = client_id
        self.method = method
        self.secret = secret

    def get_client_id(self) -> str:
        return self.client_id

    def get_allowed_scope(self, scope: str | None) -> str:
        return scope or "basic"

    def check_client_secret(self, client_secret: str) -> bool:
        return self.secret == client_secret

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return self.method == method

    def check_grant_type(self, grant_type: str) -> bool:
        return True


class User:
    """The one user."""

    def get_user_id(self) -> str:
        return USER


@dataclass
class Saved(TokenMixin):
    """A refresh token that was given to a client."""

    client_id: str
    scope: str

    def check_client(self, client: Client) -> bool:
        return self.client_id == client.client_id

    def get_scope(self) -> str:
        return self.scope


class OauthServer(AuthorizationServer):
    """Authlib's server for Flask, which reads forms alone, with token requests in JSON."""

    def __init__(self, app: Flask, provider: "TokenProvider") -> None:
        super().__init__(app, query_client=provider.clients.get, save_token=self._keep)
        self.provider = provider
        for grant in (_ClientCredentials, _Password, _Refresh, _Exchange):
            self.register_grant(grant)
        for method in ("client_secret_jwt", "private_key_jwt"):
            self.register_client_auth_method(method, _Assertion(provider, method))
        self.register_token_generator("default", _TokenMaker(provider))

    def _keep(self, token: dict[str, Any], asked: FlaskOAuth2Request) -> None:
        self.provider.given.append(token["access_token"])
        if "refresh_token" in token:
            saved = Saved(asked.client.client_id, token.get("scope", ""))
            self.provider.refresh_tokens[token["refresh_token"]] = saved

    def create_oauth2_request(self, given: object) -> FlaskOAuth2Request:
        return _JsonRequest(request) if request.is_json else FlaskOAuth2Request(request)


class _JsonRequest(FlaskOAuth2Request):
    def __init__(self, given: Request) -> None:
        super().__init__(given)
        self.payload = BasicOAuth2Payload(given.get_json())

    @property
    def form(self) -> dict[str, Any]:
        return self.payload.data


class _TokenMaker(JWTBearerTokenGenerator):
    def __init__(self, provider: "TokenProvider") -> None:
        numbers = itertools.count(1)
        super().__init__(
            issuer=provider.authority,
            refresh_token_generator=lambda **_: f"refresh-{next(numbers)}",
            expires_generator=lambda *_: provider.lifetime_seconds,
        )
        self.provider = provider

    def get_jwks(self) -> RSAKey:
        return _SIGNING_KEYS[self.provider.key_number]

    def get_audiences(self, client: Client, user: User | None, scope: str) -> list[str]:
        asked = self.provider.asked[-1].members.get("audience", [])
        return [self.provider.api, *(asked if isinstance(asked, list) else [asked])]


class TokenValidator(JWTBearerTokenValidator):
    def __init__(self, provider: "TokenProvider") -> None:
        super().__init__(issuer=provider.authority, resource_server=provider.api)
        self.provider = provider

    def get_jwks(self) -> RSAKey:
        return _SIGNING_KEYS[self.provider.key_number]


class _Assertion(JWTBearerClientAssertion):
    def __init__(self, provider: "TokenProvider", method: str) -> None:
        super().__init__()
        self.CLIENT_AUTH_METHOD = method
        self.provider = provider
        self.seen: set[str] = set()

    def __call__(
        self, query_client: Callable[[str], Client | None], asked: FlaskOAuth2Request
    ) -> Client | None:
        """Leave the clients of other methods to those."""
        assertion = asked.form.get("client_assertion")
        client = query_client(self.extract_assertion(assertion)[1]["sub"]) if assertion else None
        is_meant = client is not None and client.method == self.CLIENT_AUTH_METHOD
        return super().__call__(query_client, asked) if is_meant else None

    def get_audiences(self) -> list[str]:
        return [f"{self.provider.authority}{path}/token" for path in ("/oauth2", "/auth")]

    def validate_jti(self, claims: dict[str, Any], jti: str) -> bool:
        is_new = jti not in self.seen
        self.seen.add(jti)
        return is_new

    def resolve_client_public_key(self, client: Client) -> OctKey | RSAKey:
        return CLIENT_KEY if client.method == "private_key_jwt" else OctKey.import_key(client.secret)


class _ClientCredentials(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS


class _Password(grants.ResourceOwnerPasswordCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS

    def authenticate_user(self, username: str, password: str) -> User | None:
        return User() if (username, password) == (USER, PASSWORD) else None


class _Refresh(grants.RefreshTokenGrant):
    """Each refresh token is good once, and gives the next one."""

    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Saved | None:
        return self.server.provider.refresh_tokens.pop(refresh_token, None)

    def authenticate_user(self, refresh_token: Saved) -> User:
        return User()

    def revoke_old_credential(self, refresh_token: Saved) -> None:
        """It is gone already."""


class _Exchange(grants.ClientCredentialsGrant):
    """RFC 8693, of which Authlib has no grant: one of this provider's access tokens for another one."""

    GRANT_TYPE = EXCHANGE
    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS

    def validate_token_request(self) -> None:
        super().validate_token_request()
        form = self.request.form
        if form.get("subject_token_type") != "urn:ietf:params:oauth:token-type:access_token":
            raise InvalidGrantError("not this type of token")
        claims = TokenValidator(self.server.provider).authenticate_token(form.get("subject_token"))
        claims.validate()
