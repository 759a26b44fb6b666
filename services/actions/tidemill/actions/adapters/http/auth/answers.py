"""What providers of tokens answer: tokens, refusals, and what discovery tells."""

import base64
import binascii
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from tidemill.actions.adapters.http.auth.members import web_address
from tidemill.actions.adapters.http.auth.problems import (
    BAD_ANSWER,
    AuthenticationError,
    RefusedError,
    failed_talk,
)
from tidemill.json import Json, JsonError, loads

# RFC 6749 has 400 and 401; others refuse a client with 403.
_REFUSALS: Final = (400, 401, 403)
_US_PER_SECOND: Final = 1_000_000
_LIFETIME_SECONDS_MAX: Final = 366 * 86_400
_QUOTE_LENGTH_MAX: Final = 200
_JWT_PARTS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Token:
    """An access token. `lifetime_us` counts from its answer, None where nobody says."""

    value: str
    lifetime_us: int | None
    refresh: str = ""


def read_token(status: int, data: bytes, now_us: int, issuers: tuple[str, ...]) -> Token:
    """The token of an answer of a token endpoint, which is a bearer of one of the issuers, if any are named.

    Raises RefusedError, and AuthenticationError for an answer that is no token.
    """
    if status in _REFUSALS:
        raise RefusedError(f"the token endpoint refuses with {_named(status)}{_reason(data)}")
    if not 200 <= status < 300:
        raise failed_talk(status, f"the token endpoint answers with {_named(status)}{_no_redirect(status)}")
    members = _json_object(data, "the token endpoint")
    value = members.get("access_token")
    if value is None and "error" in members:
        raise RefusedError(f"the token endpoint refuses{_reason(data)}")
    if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable():
        raise failed_talk(BAD_ANSWER, "the token endpoint gives no access_token that can be sent")
    kind = members.get("token_type", "Bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise failed_talk(BAD_ANSWER, "the token endpoint gives a token that is no bearer token")
    claims = _claims(value)
    _check_issuer(claims, issuers)
    refresh = members.get("refresh_token")
    return Token(
        value=value,
        lifetime_us=_lifetime_us(members.get("expires_in"), claims.get("exp"), now_us),
        refresh=refresh if isinstance(refresh, str) else "",
    )


def read_discovery(status: int, data: bytes, authority: str, issuers: tuple[str, ...]) -> str:
    """The token endpoint of a provider that says it is the authority, or one of the issuers.

    Raises AuthenticationError.
    """
    if status != HTTPStatus.OK:
        raise failed_talk(
            status, f"the discovery of the authority answers with {_named(status)}{_no_redirect(status)}"
        )
    members = _json_object(data, "the discovery of the authority")
    issuer = members.get("issuer")
    if not isinstance(issuer, str) or issuer.rstrip("/") not in {
        name.rstrip("/") for name in (authority, *issuers)
    }:
        raise RefusedError(
            f"the discovery of the authority names another issuer, {_quoted(issuer)}:"
            " name it in `issuers` if it is meant"
        )
    endpoint = members.get("token_endpoint")
    try:
        return str(web_address(endpoint if isinstance(endpoint, str) else "", "token_endpoint"))
    except AuthenticationError:
        raise failed_talk(BAD_ANSWER, "the discovery of the authority names no token_endpoint") from None


def _json_object(data: bytes, who: str) -> dict[str, Json]:
    try:
        value = loads(data, field="answer")
    except JsonError:
        raise failed_talk(BAD_ANSWER, f"{who} does not answer with JSON") from None
    if not isinstance(value, dict):
        raise failed_talk(BAD_ANSWER, f"{who} does not answer with a JSON object")
    return value


def _reason(data: bytes) -> str:
    """What RFC 6749 section 5.2 has to say about a refusal, if the answer follows it."""
    try:
        members = loads(data, field="answer")
    except JsonError:
        return ""
    if not isinstance(members, dict):
        return ""
    words = [_quoted(members[name]) for name in ("error", "error_description") if members.get(name)]
    return f": {', '.join(words)}" if words else ""


def _quoted(value: Json) -> str:
    """In whole or not at all: what is cut or cleaned could not be searched for secrets."""
    text = str(value)
    return text if len(text) <= _QUOTE_LENGTH_MAX and text.isprintable() else "(what is too long to quote)"


def _claims(token: str) -> dict[str, Json]:
    """The claims of a token that is a JWT, else none. Its signature is for whom it is shown to: it has come
    from the token endpoint itself.
    """
    parts = token.split(".")
    if len(parts) != _JWT_PARTS:
        return {}
    try:
        claims = loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)), field="token")
    except (JsonError, binascii.Error, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _check_issuer(claims: dict[str, Json], issuers: tuple[str, ...]) -> None:
    if issuers and claims and claims.get("iss") not in issuers:
        raise RefusedError(f"the token is from {_quoted(claims.get('iss'))}, which is not among the issuers")


def _lifetime_us(expires_in: Json, expires_at: Json, now_us: int) -> int | None:
    seconds = _seconds(expires_in)
    if seconds is None:
        expiry = _seconds(expires_at)
        seconds = None if expiry is None else expiry - now_us / _US_PER_SECOND
    if seconds is None:
        return None
    return int(min(max(seconds, 0), _LIFETIME_SECONDS_MAX) * _US_PER_SECOND)


def _seconds(value: Json) -> float | None:
    """Some providers write the number as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return float(value[:20])
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _no_redirect(status: int) -> str:
    """Credentials go nowhere but to where the author sends them."""
    return ", and is not followed elsewhere" if 300 <= status < 400 else ""


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
