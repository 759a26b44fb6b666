"""Shapes of what lies outside: endpoints, resources, catalogs, and how to prove who is calling."""

from collections.abc import Mapping
from typing import Final

from tidemill.dsl.shapes.shape import Choice, Level, Shape, by_member, by_type, one_of, record, text
from tidemill.json import Json

_SCHEMES: Final = ("basic", "bearer", "digest", "oauth2", "oidc")


def _scheme_parts(suffix: str = " credentials") -> dict[str, str]:
    return {scheme: f"{scheme}{suffix}" for scheme in _SCHEMES}


def _credentials(scheme: str) -> Choice:
    """What proves the caller: a secret by name, or the values themselves."""

    def choose(value: Json) -> str:
        return "secret reference" if isinstance(value, dict) and "use" in value else f"{scheme} values"

    return Choice("", choose)


def _values(scheme: str, *members: str) -> Level:
    return record(f"`{scheme}` authentication", dict.fromkeys(members, "template text"), required=members)


_OAUTH_PARTS: Final[Mapping[str, str]] = {
    "authority": "address literal",
    "grant": "grant",
    "client": "oauth client",
    "request": "oauth request",
    "issuers": "template texts",
    "scopes": "template texts",
    "audiences": "template texts",
    "username": "template text",
    "password": "template text",
    "subject": "oauth token",
    "actor": "oauth token",
}


def _oauth(scheme: str, parts: Mapping[str, str]) -> Level:
    return record(f"`{scheme}` authentication", parts, required=("authority", "grant"))


SHAPES: Final[Mapping[str, Shape]] = {
    "address literal": Choice("", lambda _value: "plain address"),
    "resource": record(
        "an external resource", {"name": "text", "endpoint": "endpoint"}, required=("endpoint",)
    ),
    "endpoint": by_type("", object="endpoint object", other="address"),
    "endpoint object": record(
        "an endpoint", {"uri": "address", "authentication": "authentication"}, required=("uri",)
    ),
    "catalog": record("a catalog", {"endpoint": "endpoint"}, required=("endpoint",)),
    "authentication": by_member(
        "authentication",
        "an object",
        {"use": "authentication reference", **dict.fromkeys(_SCHEMES, "authentication scheme")},
    ),
    "authentication reference": record("an authentication", {"use": "authentication name"}),
    "authentication name": text("the name of an authentication in `use.authentications`", minLength=1),
    "authentication scheme": record("an authentication", _scheme_parts()),
    "named authentication": by_member(
        "named authentication", "an object", dict.fromkeys(_SCHEMES, "named authentication scheme")
    ),
    "named authentication scheme": record("an authentication", _scheme_parts(), lenient=True),
    **{f"{scheme} credentials": _credentials(scheme) for scheme in _SCHEMES},
    "secret reference": record("authentication by a secret", {"use": "secret name"}, required=("use",)),
    "secret name": text("the name of a secret in `use.secrets`", minLength=1),
    "basic values": _values("basic", "username", "password"),
    "bearer values": _values("bearer", "token"),
    "digest values": _values("digest", "username", "password"),
    "oauth2 values": _oauth("oauth2", {**_OAUTH_PARTS, "endpoints": "oauth endpoints"}),
    "oidc values": _oauth("oidc", _OAUTH_PARTS),
    "oauth endpoints": record(
        "`endpoints`",
        dict.fromkeys(("token", "revocation", "introspection"), "endpoint path"),
        lenient=True,
    ),
    "endpoint path": text("a URI template, such as `/oauth2/token`", format="uri-template"),
    "grant": one_of(
        "a grant",
        "authorization_code",
        "client_credentials",
        "password",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ),
    "oauth client": record(
        "`client`",
        {
            "id": "template text",
            "secret": "template text",
            "assertion": "template text",
            "authentication": "client authentication",
        },
    ),
    "client authentication": one_of(
        "a way to authenticate the client",
        "client_secret_basic",
        "client_secret_post",
        "client_secret_jwt",
        "private_key_jwt",
        "none",
    ),
    "oauth request": record("`request`", {"encoding": "oauth encoding"}, lenient=True),
    "oauth encoding": one_of("an encoding", "application/x-www-form-urlencoded", "application/json"),
    "oauth token": record(
        "a token", {"token": "template text", "type": "template text"}, required=("token", "type")
    ),
}
