"""Events of a history with their large texts, as many as a page may hold."""

from collections.abc import Sequence

from tidemill.api.engine.v1.execution_service_pb2 import HistoryEvent
from tidemill.blobs.claim_check import ClaimCheck
from tidemill.blobs.claims import claims_of, put_back
from tidemill.blobs.port import BlobName


async def redeem_events(
    check: ClaimCheck, execution_id: str, events: Sequence[HistoryEvent], *, bytes_max: int
) -> list[HistoryEvent]:
    """The first of these events, one at least, that have so many bytes together with their large texts.

    Raises BlobError for a text that cannot be had, and StorageUnavailableError.
    """
    page: list[HistoryEvent] = []
    size_bytes = 0
    for event in events:
        claims = list(claims_of(event.event))
        size_bytes += event.ByteSize() + sum(claim.size for claim in claims)
        if page and size_bytes > bytes_max:
            break
        if claims:
            contents = await check.fetch({BlobName(execution_id, claim.digest) for claim in claims})
            put_back(event.event, execution_id, contents)
        page.append(event)
    return page
