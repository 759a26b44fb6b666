"""How outcomes are compared without their payloads: the same outcome has the same digest in both services."""

import hashlib
from typing import Final

from tidemill.blobs.claims import read_claim

_BYTES: Final = 12
_NULL: Final = b"null"


def outcome_digest(state: int, output: bytes | None, error: tuple[str, int, str, str] | None) -> str:
    """The digest of an outcome: its output as JSON, or type, status, title and detail of its error."""
    digest = hashlib.blake2b(b"%d" % state, digest_size=_BYTES)
    if output is not None:
        # One service may keep a text where the other one keeps its claim.
        claim = read_claim(output)
        # An output of no bytes is null in history.
        whole = hashlib.sha256(output or _NULL).hexdigest() if claim is None else claim.digest
        digest.update(f"\0output\0{whole}".encode())
    if error is not None:
        type_, status, title, detail = error
        digest.update(f"\0error\0{type_}\0{status}\0{title}\0{detail}".encode(errors="surrogatepass"))
    return digest.hexdigest()
