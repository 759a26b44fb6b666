"""How an OAuth2 client proves to the token endpoint who it is (RFC 6749 section 2.3, RFC 7523)."""

import base64
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from tidemill.actions.adapters.http.auth.members import choice, member_object, optional_text
from tidemill.actions.adapters.http.auth.problems import misconfigured
from tidemill.json import Json

BASIC: Final = "client_secret_basic"
POST: Final = "client_secret_post"
SECRET_JWT: Final = "client_secret_jwt"
KEY_JWT: Final = "private_key_jwt"
NONE: Final = "none"
METHODS: Final = (BASIC, POST, SECRET_JWT, KEY_JWT, NONE)

_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class OauthClient:
    """A client. For `private_key_jwt` its `secret` is a key (PEM or JWK); `assertion` is a ready JWT."""

    id: str = ""
    secret: str = ""
    assertion: str = ""
    method: str = NONE


@dataclass(frozen=True, slots=True, repr=False)
class Proof:
    """What a request for a token carries of its client, and what of it may be shown nowhere."""

    headers: tuple[tuple[str, str], ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    hidden: tuple[str, ...] = ()


def read_client(value: Json) -> OauthClient:
    """Read `client`. Raises AuthenticationError.

    Without a method it is `client_secret_post`, as the schema of the language has it, or `none` for a client
    that has nothing to prove itself with.
    """
    members = member_object(value, "client")
    client_id, secret, assertion = (
        optional_text(members.get(name), f"client.{name}") for name in ("id", "secret", "assertion")
    )
    named = members.get("authentication")
    method = (POST if secret else NONE) if named is None else choice(named, "client.authentication", METHODS)
    if method != NONE and not (secret or (assertion and method in (SECRET_JWT, KEY_JWT))):
        wanted = "a secret or an assertion" if method in (SECRET_JWT, KEY_JWT) else "a secret"
        raise misconfigured(f"authentication.client needs {wanted} for the method {method}")
    if method != NONE and not (client_id or assertion):
        raise misconfigured(f"authentication.client needs an id for the method {method}")
    return OauthClient(id=client_id, secret=secret, assertion=assertion, method=method)


def prove(client: OauthClient, token_endpoint: str, now_us: int) -> Proof:
    """The proof for one request. Raises AuthenticationError for a key that cannot sign."""
    named = (("client_id", client.id),) if client.id else ()
    match client.method:
        case "client_secret_basic":
            # Both parts are encoded as in a form before they are joined, so that a colon keeps its meaning.
            pair = f"{quote(client.id, safe='')}:{quote(client.secret, safe='')}"
            encoded = base64.b64encode(pair.encode()).decode()
            return Proof(headers=(("authorization", f"Basic {encoded}"),), hidden=(encoded,))
        case "client_secret_post":
            return Proof(parameters=(*named, ("client_secret", client.secret)))
        case "client_secret_jwt" | "private_key_jwt":
            assertion = client.assertion or _signed(client, token_endpoint, now_us)
            parameters = (
                ("client_assertion_type", _ASSERTION_TYPE),
                ("client_assertion", assertion),
            )
            return Proof(parameters=(*named, *parameters), hidden=(assertion,))
        case _:
            return Proof(parameters=named)


def _signed(client: OauthClient, token_endpoint: str, now_us: int) -> str:
    # The library brings cryptography, which takes a while to load: only for who signs.
    from tidemill.actions.adapters.http.auth.assertions import signed_assertion

    return signed_assertion(client, token_endpoint, now_us)
