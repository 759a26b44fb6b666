"""Snapshots beside history: when one is taken, and how a state comes out of what is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tidemill.api.events.v1.snapshot_pb2 import Snapshot
from tidemill.blobs.claim_check import ClaimCheck
from tidemill.blobs.claims import claims_of, may_hold_claims, put_back
from tidemill.blobs.port import BlobError, BlobName
from tidemill.engine.core.apply import apply
from tidemill.engine.core.history import HistoryError
from tidemill.engine.core.state import CLOSED_PHASES, ExecutionState
from tidemill.engine.records import decode_batch
from tidemill.engine.state_records import decode_state, encode_state
from tidemill.engine.store.port import ShardStore
from tidemill.engine.store.rows import SnapshotRow, StoredExecution
from tidemill.telemetry.logging import get_logger

_log = get_logger(__name__)


@dataclass(slots=True)
class Growth:
    """What the history of an execution has gained since its last snapshot, and how large that is.

    `large_bytes` are the large texts that its state holds in memory, at most.
    """

    events: int = 0
    history_bytes: int = 0
    snapshot_bytes: int = 0
    large_bytes: int = 0

    def add(self, events: int, history_bytes: int) -> None:
        """A commit adds a row to the history."""
        self.events += events
        self.history_bytes += history_bytes

    def take(self, state: ExecutionState, events_min: int, *, at_once: bool = False) -> SnapshotRow | None:
        """A snapshot of the state, when it is time for one, or `at_once`.

        Never sooner than the history has grown by as much as the last snapshot holds: all snapshots together
        write no more than the history. A closed execution needs none.
        """
        is_time = self.events >= events_min and self.history_bytes >= self.snapshot_bytes
        if not (is_time or at_once):
            return None
        if state.phase in CLOSED_PHASES:
            return None
        self.events = self.history_bytes = 0
        try:
            data = encode_state(state)
        except Exception as error:
            # The history is whole without it; the next attempt comes after as many events again.
            _log.error("no snapshot could be taken", execution_id=state.execution_id, exc_info=error)
            return None
        self.snapshot_bytes = len(data)
        return SnapshotRow(state.execution_id, state.sequence, data)


class Loaded(NamedTuple):
    """The state of an execution, or why its history does not fold; and its growth."""

    state: ExecutionState | HistoryError
    growth: Growth


class TooLargeAtOnceError(Exception):
    """The states of several executions hold more large texts than are to be fetched at once."""


async def load_states(
    store: ShardStore,
    check: ClaimCheck,
    execution_ids: Sequence[str],
    *,
    large_bytes_max: int | None = None,
) -> dict[str, Loaded]:
    """The states of those executions that exist, with their large texts.

    From the snapshot and the history after it; from the whole history where that leads nowhere. Only the
    texts that are left at the end are fetched: the fold does not read them. Raises TooLargeAtOnceError.
    """
    stored = await store.load(execution_ids)
    loaded = {execution_id: _restore(execution_id, held) for execution_id, held in stored.items()}
    unread = [execution_id for execution_id, held in stored.items() if _is_unread(loaded[execution_id], held)]
    if unread:
        whole = await store.load(unread, whole=True)
        loaded.update((execution_id, _restore(execution_id, held)) for execution_id, held in whole.items())
    claimed = [execution_id for execution_id, held in stored.items() if _may_hold_claims(held)]
    if claimed:
        held = {execution_id: loaded[execution_id] for execution_id in claimed}
        loaded.update(await _redeem(check, held, large_bytes_max))
    return loaded


def _may_hold_claims(stored: StoredExecution) -> bool:
    snapshot = stored.snapshot
    return (snapshot is not None and may_hold_claims(snapshot.data)) or any(
        may_hold_claims(row.data) for row in stored.history
    )


async def _redeem(
    check: ClaimCheck, claimed: Mapping[str, Loaded], large_bytes_max: int | None
) -> dict[str, Loaded]:
    """The states with texts in the places of claims; a HistoryError for one whose text cannot be had."""
    records: dict[str, Snapshot] = {}
    sizes: dict[BlobName, int] = {}
    for execution_id, (state, _) in claimed.items():
        if isinstance(state, ExecutionState):
            records[execution_id] = record = Snapshot.FromString(encode_state(state))
            sizes.update({BlobName(execution_id, claim.digest): claim.size for claim in claims_of(record)})
    if large_bytes_max is not None and len(records) > 1 and sum(sizes.values()) > large_bytes_max:
        raise TooLargeAtOnceError
    contents = await check.fetch(sizes.keys())
    found: dict[str, Loaded] = {}
    for execution_id, record in records.items():
        growth = claimed[execution_id].growth
        try:
            growth.large_bytes = put_back(record, execution_id, contents)
            state = decode_state(execution_id, record.sequence, record.SerializeToString())
        except BlobError as error:
            found[execution_id] = Loaded(HistoryError(error.message), growth)
        else:
            found[execution_id] = Loaded(state, growth)
    return found


def _is_unread(loaded: Loaded, stored: StoredExecution) -> bool:
    if stored.snapshot is None or not isinstance(loaded.state, HistoryError):
        return False
    _log.warning("a snapshot is ignored", execution_id=stored.snapshot.execution_id, error=str(loaded.state))
    return True


def _restore(execution_id: str, stored: StoredExecution) -> Loaded:
    growth = Growth(snapshot_bytes=len(stored.snapshot.data) if stored.snapshot else 0)
    try:
        state = _begin(execution_id, stored.snapshot)
        for row in stored.history:
            batch = decode_batch(row.data)
            growth.add(len(batch.events), len(row.data))
            for event in batch.events:
                state = apply(state, event, batch.now_us, execution_id=execution_id)
    except Exception as error:
        reason = (
            error if isinstance(error, HistoryError) else HistoryError(f"{type(error).__name__}: {error}")
        )
        return Loaded(reason, growth)
    return Loaded(HistoryError("the history is empty") if state is None else state, growth)


def _begin(execution_id: str, snapshot: SnapshotRow | None) -> ExecutionState | None:
    return decode_state(execution_id, snapshot.sequence, snapshot.data) if snapshot else None
