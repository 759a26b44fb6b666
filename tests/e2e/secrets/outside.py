"""Who is called with secrets: a web service that tells back all that it was asked, and whom that proves."""

import base64
import hashlib
from typing import Final
from urllib.parse import unquote, unquote_plus

from tests.e2e.web import Answer, Request

ASK: Final = "ask.example.com"
REFUSE: Final = "refuse.example.com"
DOCS: Final = "docs.example.com"
HOSTS: Final = (ASK, REFUSE, DOCS)
_REALM, _NONCE = "here", "once"


class Outside:
    """Remembers each request; those to `refuse.example.com` are refused, with all that they said."""

    def __init__(self, digest_passwords: dict[str, str]) -> None:
        self.asked: list[str] = []
        self.digests: list[str] = []
        self._passwords = digest_passwords

    def answer(self, request: Request) -> Answer:
        """Answer as the host that was meant."""
        host, told = request.headers["host"], _told(request)
        self.asked.append(told)
        if host == DOCS:
            name = request.path.strip("/").removesuffix(".json")
            is_events = name.endswith("-events")
            return Answer(200, _events(name.removesuffix("-events")) if is_events else _api(name))
        if request.path == "/digest" and not self._is_known(request):
            challenge = f'Digest realm="{_REALM}", nonce="{_NONCE}", qop="auth", algorithm=MD5'
            return Answer(401, {"asked": told}, {"www-authenticate": challenge})
        if request.path.endswith("/.well-known/openid-configuration"):
            return Answer(
                200, {"issuer": f"https://{host}", "token_endpoint": f"https://{host}/oauth2/token"}
            )
        if request.path == "/card":
            return Answer(200, {"protocolVersion": "0.3.0", "url": f"https://{host}/rpc", "name": told})
        if request.path == "/cut":
            return Answer(500, "x" * 505 + request.body["a"])
        if host == REFUSE:
            return _refusal(request, told)
        if request.path == "/oauth2/token":
            # Nothing tells a token that is none of JSON's from whom it is.
            return Answer(200, {"access_token": "a-token", "token_type": "Bearer", "expires_in": 300})
        if request.path.startswith("/rpc"):
            return Answer(200, {"jsonrpc": "2.0", "id": request.body["id"], "result": {"asked": told}})
        return Answer(200, {"asked": told})

    def _is_known(self, request: Request) -> bool:
        """Whether the digest is that of a password which is known."""
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        if scheme != "Digest":
            return False
        given = {
            name.strip(): value.strip('"')
            for name, _, value in (part.partition("=") for part in text.split(","))
        }
        who = given["username"]
        first = _md5(f"{who}:{_REALM}:{self._passwords[who]}")
        second = _md5(f"{request.method}:{given['uri']}")
        parts = (first, given["nonce"], given["nc"], given["cnonce"], given["qop"], second)
        if given["response"] != _md5(":".join(parts)):
            return False
        self.digests.append(self._passwords[who])
        return True


def _told(request: Request) -> str:
    """All of a request, as whoever wrote it would recognize it."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    basic = base64.b64decode(text).decode() if scheme == "Basic" else ""
    form = unquote_plus(request.body) if isinstance(request.body, str) else ""
    return f"{unquote(request.path)} {request} {basic} {form}"


def _refusal(request: Request, told: str) -> Answer:
    if request.path == "/oauth2/token":
        return Answer(400, {"error": "invalid_grant", "error_description": told})
    if request.path.startswith("/rpc"):
        error = {"code": -32000, "message": told}
        return Answer(200, {"jsonrpc": "2.0", "id": request.body["id"], "error": error})
    return Answer(500, {"asked": told})


def _api(host: str) -> dict[str, object]:
    """A document of an API at the host."""
    parameters = [
        {"name": name, "in": place, "required": True, "schema": {"type": "string"}}
        for name, place in (("id", "path"), ("q", "query"), ("x-trace", "header"))
    ]
    properties = {"name": {"type": "string"}}
    body = {"content": {"application/json": {"schema": {"type": "object", "properties": properties}}}}
    operation = {"operationId": "keep", "parameters": parameters, "requestBody": body}
    return {
        "openapi": "3.0.3",
        "servers": [{"url": f"https://{host}"}],
        "paths": {"/things/{id}": {"post": operation}},
    }


def _events(host: str) -> dict[str, object]:
    """A document of a channel for messages at the host."""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Things", "version": "1"},
        "servers": {"here": {"host": host, "protocol": "https"}},
        "channels": {"things": {"address": "things", "messages": {"thing": {"payload": {"type": "object"}}}}},
        "operations": {"tell": {"action": "send", "channel": {"$ref": "#/channels/things"}}},
    }


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
