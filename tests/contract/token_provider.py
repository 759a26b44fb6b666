"""A provider of tokens for tests: Authlib's OAuth2 server with OpenID discovery, APIs that its tokens open,
and one behind Flask-HTTPAuth's digest. All of it is one server on a free port.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from authlib.integrations.flask_oauth2 import ResourceProtector, current_token
from authlib.oidc.discovery import OpenIDProviderMetadata
from flask import Flask, Response, jsonify, request
from flask_httpauth import HTTPDigestAuth
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.contract.oauth_server import PASSWORD, USER, Client, OauthServer, Saved, TokenValidator

TOKEN_LIFETIME_SECONDS = 300


@dataclass
class TokenRequest:
    """What the token endpoint was asked."""

    content_type: str
    authorization: str
    members: dict[str, Any]


@dataclass
class TokenProvider:
    """What tests see and change of the provider. `fault` answers in its place."""

    url: str
    clients: dict[str, Client] = field(default_factory=dict)
    refresh_tokens: dict[str, Saved] = field(default_factory=dict)
    asked: list[TokenRequest] = field(default_factory=list)
    discoveries: int = 0
    api_calls: int = 0
    given: list[str] = field(default_factory=list)
    fault: Callable[[], Response] | None = None
    discovery_fault: Callable[[], Response] | None = None
    delay_seconds: float = 0.0
    key_number: int = 0
    lifetime_seconds: int = TOKEN_LIFETIME_SECONDS
    # What it calls itself; empty for its authority.
    issuer: str = ""
    realm: str = "shop"
    # Where clients believe it to be, if that is another place than where it is.
    public_url: str = ""

    @property
    def authority(self) -> str:
        return f"{self.public_url or self.url}/realms/{self.realm}"

    @property
    def api(self) -> str:
        return f"{self.url}/api"

    def end_all_tokens(self) -> None:
        """Sign with another key from now on, and accept that one alone."""
        self.key_number = 1 - self.key_number

    def client(self, client_id: str, method: str, secret: str = "") -> None:
        """Register a client."""
        self.clients[client_id] = Client(client_id, method, secret)


@contextmanager
def running_token_provider(*, realm: str = "shop", public_url: str = "") -> Iterator[TokenProvider]:
    """The provider for as long as the block runs."""
    provider = TokenProvider("", realm=realm, public_url=public_url)
    app = Flask("provider")
    app.secret_key = "for the sessions of digest"
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    provider.url = f"http://127.0.0.1:{server.server_port}"
    _add_token_endpoint(app, provider)
    _add_api(app, provider)
    _add_digest(app)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def _add_token_endpoint(app: Flask, provider: TokenProvider) -> None:
    server = OauthServer(app, provider)

    @app.post("/realms/<realm>/oauth2/token")
    @app.post("/realms/<realm>/auth/token")
    def token(realm: str) -> Response:
        members = request.get_json() if request.is_json else request.form.to_dict(flat=False)
        flat = {
            name: value[0] if isinstance(value, list) and len(value) == 1 else value
            for name, value in members.items()
        }
        provider.asked.append(TokenRequest(request.mimetype, request.headers.get("authorization", ""), flat))
        time.sleep(provider.delay_seconds)
        if provider.fault is not None:
            return provider.fault()
        answer: Response = server.create_token_response()
        return answer

    @app.get("/realms/<realm>/.well-known/openid-configuration")
    def discovery(realm: str) -> Response:
        provider.discoveries += 1
        if provider.discovery_fault is not None:
            return provider.discovery_fault()
        metadata = OpenIDProviderMetadata(
            issuer=provider.issuer or provider.authority,
            authorization_endpoint=f"{provider.authority}/auth",
            token_endpoint=f"{provider.authority}/auth/token",
            jwks_uri=f"{provider.authority}/keys",
            response_types_supported=["code"],
            subject_types_supported=["public"],
            id_token_signing_alg_values_supported=["RS256"],
        )
        return jsonify(metadata)


def _add_api(app: Flask, provider: TokenProvider) -> None:
    protect = ResourceProtector()
    protect.register_token_validator(TokenValidator(provider))

    def count() -> None:
        provider.api_calls += request.path.startswith("/api")

    app.before_request(count)

    @app.route("/api", methods=["GET", "POST"])
    @protect()
    def api() -> Response:
        return jsonify(
            subject=current_token["sub"],
            scope=current_token.get("scope"),
            audience=current_token["aud"],
            body=request.get_data(as_text=True),
        )

    @app.get("/v2/pet/<int:number>")
    @protect()
    def pet(number: int) -> Response:
        return jsonify(id=number, asked_with=request.headers["authorization"])

    @app.get("/api/echo")
    @protect()
    def echo() -> Response:
        answer = jsonify(authorization=request.headers["authorization"])
        answer.headers["x-asked-with"] = request.headers["authorization"]
        return answer

    @app.get("/api/refuses")
    @protect()
    def refuses() -> Response:
        return Response(f"not with {request.headers['authorization']}", 403, mimetype="text/plain")


def _add_digest(app: Flask) -> None:
    for path, algorithm in (("/digest", "MD5"), ("/digest-session", "MD5-Sess")):
        digest = HTTPDigestAuth(realm="shop", algorithm=algorithm)
        digest.get_password({USER: PASSWORD}.get)

        @app.post(path, endpoint=path)
        @digest.login_required
        def secret(digest: HTTPDigestAuth = digest) -> Response:
            return jsonify(user=digest.current_user(), body=request.get_data(as_text=True))
