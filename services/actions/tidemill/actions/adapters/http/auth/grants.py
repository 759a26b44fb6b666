"""An `oauth2` or `oidc` authentication, read: what to ask for, where, as whom."""

from dataclasses import dataclass
from typing import Final, Literal

from tidemill.actions.adapters.http.auth.clients import OauthClient, read_client
from tidemill.actions.adapters.http.auth.members import (
    choice,
    member_object,
    optional_text,
    text,
    texts,
    web_address,
)
from tidemill.actions.adapters.http.auth.problems import misconfigured
from tidemill.json import Json

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"

_CLIENT_CREDENTIALS: Final = "client_credentials"
_PASSWORD: Final = "password"
_REFRESH_TOKEN: Final = "refresh_token"
_TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
_AUTHORIZATION_CODE: Final = "authorization_code"
_GRANTS: Final = (_CLIENT_CREDENTIALS, _PASSWORD, _REFRESH_TOKEN, _TOKEN_EXCHANGE, _AUTHORIZATION_CODE)

_TOKEN_PATH: Final = "/oauth2/token"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Grant:
    """A token to ask for. Without a token endpoint the authority is asked for it first (OpenID discovery)."""

    authority: str
    token_endpoint: str
    parameters: tuple[tuple[str, str], ...]
    # Sent in the place of a refresh token of the author's once the provider has given another one.
    refreshes: bool
    client: OauthClient
    encoding: str
    issuers: tuple[str, ...]

    def given_secrets(self) -> tuple[str, ...]:
        """What of it may be shown in no error."""
        names = {"password", "refresh_token", "subject_token", "actor_token"}
        secrets = [value for name, value in self.parameters if name in names]
        return (self.client.secret, self.client.assertion, *secrets)


def read_grant(value: Json, scheme: Literal["oauth2", "oidc"]) -> Grant:
    """Read the values of the scheme. Raises AuthenticationError."""
    members = member_object(value, scheme)
    authority = str(web_address(text(members.get("authority"), "authority"), "authority"))
    grant = choice(members.get("grant"), "grant", _GRANTS)
    if grant == _AUTHORIZATION_CODE:
        raise misconfigured(
            "the grant authorization_code needs a person at a browser, and a workflow has none:"
            " use client_credentials, password, refresh_token or token exchange"
        )
    request = member_object(members.get("request"), "request")
    return Grant(
        authority=authority,
        token_endpoint=_token_endpoint(authority, members.get("endpoints")) if scheme == "oauth2" else "",
        parameters=(("grant_type", grant), *_wishes(members), *_of_grant(grant, members)),
        refreshes=grant == _REFRESH_TOKEN,
        client=read_client(members.get("client")),
        encoding=choice(request.get("encoding", FORM), "request.encoding", (FORM, JSON)),
        issuers=texts(members.get("issuers"), "issuers"),
    )


def _token_endpoint(authority: str, value: Json) -> str:
    path = optional_text(member_object(value, "endpoints").get("token"), "endpoints.token") or _TOKEN_PATH
    if "://" in path:
        return str(web_address(path, "endpoints.token"))
    return str(web_address(f"{authority.rstrip('/')}/{path.lstrip('/')}", "endpoints.token"))


def _wishes(members: dict[str, Json]) -> list[tuple[str, str]]:
    scopes = texts(members.get("scopes"), "scopes")
    wishes = [("scope", " ".join(scopes))] if scopes else []
    return wishes + [("audience", audience) for audience in texts(members.get("audiences"), "audiences")]


def _of_grant(grant: str, members: dict[str, Json]) -> list[tuple[str, str]]:
    match grant:
        case "password":
            return [(name, text(members.get(name), name)) for name in ("username", "password")]
        case "refresh_token":
            # The language has no member of its own for it; the subject is whom the token is for.
            return [("refresh_token", _security_token(members, "subject")[0])]
        case "client_credentials":
            return []
        case _:
            return [
                *_exchanged(members, "subject"),
                *(_exchanged(members, "actor") if "actor" in members else ()),
            ]


def _exchanged(members: dict[str, Json], name: str) -> list[tuple[str, str]]:
    token, kind = _security_token(members, name)
    return [(f"{name}_token", token), (f"{name}_token_type", kind)]


def _security_token(members: dict[str, Json], name: str) -> tuple[str, str]:
    if members.get(name) is None:
        raise misconfigured(f"authentication.{name} is needed for this grant")
    value = member_object(members[name], name)
    return text(value.get("token"), f"{name}.token"), text(value.get("type"), f"{name}.type")
