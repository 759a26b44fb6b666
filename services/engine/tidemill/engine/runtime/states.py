"""States of executions in memory: a bounded cache of the fold of their histories."""

from collections import OrderedDict
from collections.abc import Container, Iterable

from tidemill.engine.core.apply import fold
from tidemill.engine.core.events import Event
from tidemill.engine.core.history import HistoryError
from tidemill.engine.core.state import ExecutionState
from tidemill.engine.records import decode_batch
from tidemill.engine.runtime.items import Item, LoggedCommand
from tidemill.engine.store.port import ShardStore
from tidemill.engine.store.rows import HistoryRow

# Where the version digit stands in `<8 hex>-<uuid>`: 7 for a plain start, whose execution cannot exist yet.
_UUID_VERSION_INDEX = 23


class States:
    """The states that batches work on; the least recently used go first, and are folded again when needed."""

    def __init__(self, store: ShardStore, executions_max: int) -> None:
        self._store = store
        self._executions_max = executions_max
        self._cached: OrderedDict[str, ExecutionState] = OrderedDict()

    def __len__(self) -> int:
        return len(self._cached)

    async def load(
        self, items: Iterable[Item], known: Container[str] = ()
    ) -> dict[str, ExecutionState | HistoryError]:
        """The state of each item's execution that exists and is not known already; an error where its
        history does not fold."""
        found: dict[str, ExecutionState | HistoryError] = {}
        missing: set[str] = set()
        for item in items:
            if not item.execution_id or item.execution_id in known:
                continue
            state = self._cached.get(item.execution_id)
            if state is not None:
                found[item.execution_id] = state
            elif not _is_fresh_start(item):
                missing.add(item.execution_id)
        if missing:
            stored = await self._store.load(sorted(missing), whole=True)
            found.update(
                (execution_id, fold_rows(execution_id, rows.history)) for execution_id, rows in stored.items()
            )
        return found

    def keep(self, state: ExecutionState) -> None:
        """Remember a state that has just been committed."""
        self._cached[state.execution_id] = state
        self._cached.move_to_end(state.execution_id)
        if len(self._cached) > self._executions_max:
            self._cached.popitem(last=False)

    def evict(self, execution_ids: Iterable[str]) -> None:
        """Forget states: closed ones, and those that a failed batch has touched."""
        for execution_id in execution_ids:
            self._cached.pop(execution_id, None)

    def clear(self) -> None:
        """Forget all."""
        self._cached.clear()


def fold_rows(execution_id: str, rows: Iterable[HistoryRow]) -> ExecutionState | HistoryError:
    """The fold of stored history, or why it does not fold."""
    try:
        timed: list[tuple[int, Event]] = []
        for row in rows:
            batch = decode_batch(row.data)
            timed.extend((batch.now_us, event) for event in batch.events)
        return fold(execution_id, timed)
    except Exception as error:
        return error if isinstance(error, HistoryError) else HistoryError(f"{type(error).__name__}: {error}")


def _is_fresh_start(item: Item) -> bool:
    return (
        isinstance(item, LoggedCommand)
        and item.record.HasField("start")
        and item.execution_id[_UUID_VERSION_INDEX : _UUID_VERSION_INDEX + 1] == "7"
    )
