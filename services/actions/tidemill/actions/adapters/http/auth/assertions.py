"""The signed assertions of clients that prove themselves by a JWT (RFC 7523 section 3)."""

import uuid
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tidemill.actions.adapters.http.auth.clients import SECRET_JWT, OauthClient
from tidemill.actions.adapters.http.auth.problems import misconfigured

_LIFETIME_SECONDS: Final = 60
_US_PER_SECOND: Final = 1_000_000
_ALGORITHM_OF_CURVE: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


def signed_assertion(client: OauthClient, token_endpoint: str, now_us: int) -> str:
    """An assertion for one request, good for a minute: signed with the secret (HS256) or the private key.

    Raises AuthenticationError. What the libraries say about a key may quote it, so that none of it is told.
    """
    issued_at = now_us // _US_PER_SECOND
    claims = {
        "iss": client.id,
        "sub": client.id,
        "aud": token_endpoint,
        "jti": str(uuid.uuid4()),
        "iat": issued_at,
        "exp": issued_at + _LIFETIME_SECONDS,
    }
    try:
        if client.method == SECRET_JWT:
            return jwt.encode(claims, client.secret, "HS256")
        if client.secret.lstrip().startswith("{"):
            key = jwt.PyJWK.from_json(client.secret)
            headers = {"kid": key.key_id} if key.key_id else None
            return jwt.encode(claims, key, key.algorithm_name, headers)
        return jwt.encode(claims, client.secret, _algorithm_of(client.secret))
    except (jwt.PyJWTError, ValueError, TypeError):
        raise misconfigured(
            "authentication.client.secret must be a private key that can sign, in PEM or as a JWK,"
            " for private_key_jwt, and a plain text for client_secret_jwt"
        ) from None


def _algorithm_of(pem: str) -> str:
    match load_pem_private_key(pem.encode(), password=None):
        case RSAPrivateKey():
            return "RS256"
        case EllipticCurvePrivateKey(curve=curve):
            return _ALGORITHM_OF_CURVE.get(curve.name, "")
        case Ed25519PrivateKey():
            return "EdDSA"
        case _:
            raise ValueError("no key for signing")
