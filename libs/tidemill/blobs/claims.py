"""Claims: what stands in the place of a large JSON text, and how texts are taken out and put back.

A claim is a text that no JSON begins like: NUL, then `blob:sha256:`, the digest, and the size in bytes. So it
passes through whatever carries texts and does not read them, and is refused by whatever reads one.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from google.protobuf.message import Message

from tidemill.blobs.port import Blob, BlobError, BlobName
from tidemill.blobs.texts import texts_of

CLAIM_PREFIX: Final = b"\0blob:sha256:"
_DIGEST_CHARACTERS: Final = 64
# A digest becomes a part of a path: nothing else may stand there.
_CLAIM: Final = re.compile(rb"([0-9a-f]{64}):([0-9]{1,20})")
# No claim is longer: the prefix, the digest, a colon, and the digits of a size.
CLAIM_BYTES_MAX: Final = len(CLAIM_PREFIX) + _DIGEST_CHARACTERS + 21
Contents = Mapping[BlobName, bytes | BlobError]


class Claim(NamedTuple):
    """The digest of a text, in hexadecimal digits, and its size in bytes."""

    digest: str
    size: int

    def encode(self) -> bytes:
        """The claim as it stands in the place of the text."""
        return b"%b%b:%d" % (CLAIM_PREFIX, self.digest.encode(), self.size)


def read_claim(text: bytes) -> Claim | None:
    """The claim that stands in the place of a text; None for a text of its own."""
    if not text.startswith(CLAIM_PREFIX):
        return None
    found = _CLAIM.fullmatch(text, len(CLAIM_PREFIX))
    return None if found is None else Claim(found[1].decode(), int(found[2]))


def size_of(text: bytes) -> int:
    """How many bytes a text has, also where a claim stands for it."""
    claim = read_claim(text)
    return len(text) if claim is None else claim.size


def may_hold_claims(record: bytes) -> bool:
    """Whether an encoded record may hold a claim; one that does is never passed over."""
    return CLAIM_PREFIX in record


def take_text(text: bytes, execution_id: str, blobs: dict[BlobName, Blob]) -> bytes:
    """The claim for a text, which is added to `blobs`. Who calls has found the text to be large."""
    digest = hashlib.sha256(text).hexdigest()
    name = BlobName(execution_id, digest)
    blobs.setdefault(name, Blob(name, text))
    return Claim(digest, len(text)).encode()


def take_out(message: Message, execution_id: str, blobs: dict[BlobName, Blob], *, bytes_max: int) -> bool:
    """Put claims in the places of the texts above `bytes_max`, which join `blobs`; whether there were any."""
    taken = False
    for text, put in texts_of(message):
        if len(text) > bytes_max:
            put(take_text(text, execution_id, blobs))
            taken = True
    return taken


def claims_of(message: Message) -> Iterator[Claim]:
    """The claims in a message."""
    for text, _ in texts_of(message):
        claim = read_claim(text)
        if claim is not None:
            yield claim


def names_of(execution_id: str, texts: Iterable[bytes]) -> set[BlobName]:
    """The blobs that some texts of an execution stand for."""
    claims = map(read_claim, texts)
    return {BlobName(execution_id, claim.digest) for claim in claims if claim is not None}


def put_back_text(text: bytes, execution_id: str, contents: Contents) -> bytes:
    """The text that a claim stands for, or the text itself. Raises BlobError."""
    claim = read_claim(text)
    if claim is None:
        return text
    found = contents[BlobName(execution_id, claim.digest)]
    if isinstance(found, BlobError):
        raise found
    return found


def put_back(message: Message, execution_id: str, contents: Contents) -> int:
    """Put texts back in the places of all claims; returns how many bytes that were. Raises BlobError."""
    size_bytes = 0
    for text, put in texts_of(message):
        if read_claim(text) is not None:
            whole = put_back_text(text, execution_id, contents)
            put(whole)
            size_bytes += len(whole)
    return size_bytes


def claimed_names(execution_id: str, messages: Collection[Message]) -> set[BlobName]:
    """The blobs that messages of one execution refer to."""
    return {BlobName(execution_id, claim.digest) for message in messages for claim in claims_of(message)}
