"""States of executions in memory: a bounded cache of what the store holds of them."""

from collections import OrderedDict
from collections.abc import Collection, Container, Iterable

from tidemill.engine.core.state import ExecutionState
from tidemill.engine.runtime.items import Item, LoggedCommand
from tidemill.engine.runtime.snapshots import Growth, Loaded, load_states
from tidemill.engine.store.port import ShardStore
from tidemill.lanes import hash_of_execution_id, shard_of

# Where the version digit stands in `<8 hex>-<uuid>`: 7 for a plain start, whose execution cannot exist yet.
_UUID_VERSION_INDEX = 23


class States:
    """The states that batches work on; the least recently used go first, and are loaded again when needed."""

    def __init__(self, store: ShardStore, executions_max: int, shards: int) -> None:
        self._store = store
        self._shards = shards
        self._executions_max = executions_max
        self._cached: OrderedDict[str, Loaded] = OrderedDict()

    def __len__(self) -> int:
        return len(self._cached)

    async def load(self, items: Iterable[Item], known: Container[str] = ()) -> dict[str, Loaded]:
        """The state of each item's execution that exists and is not known already; an error where its
        history does not fold."""
        found: dict[str, Loaded] = {}
        missing: set[str] = set()
        for item in items:
            if not item.execution_id or item.execution_id in known:
                continue
            cached = self._cached.get(item.execution_id)
            if cached is not None:
                found[item.execution_id] = cached
            elif not _is_fresh_start(item):
                missing.add(item.execution_id)
        if missing:
            found.update(await load_states(self._store, sorted(missing)))
        return found

    def keep(self, state: ExecutionState, growth: Growth) -> None:
        """Remember a state that has just been committed, until `trim`."""
        self._cached[state.execution_id] = Loaded(state, growth)
        self._cached.move_to_end(state.execution_id)

    def trim(self) -> None:
        """Forget what is too much; to be called between two batches, when none works on a state."""
        while len(self._cached) > self._executions_max:
            _, loaded = self._cached.popitem(last=False)
            _take_apart(loaded)

    def evict(self, execution_ids: Iterable[str]) -> None:
        """Forget states that no batch works on any more: closed ones, and those that a failed batch has
        touched."""
        for execution_id in execution_ids:
            loaded = self._cached.pop(execution_id, None)
            if loaded is not None:
                _take_apart(loaded)

    def drop(self, shards: Collection[int]) -> None:
        """Forget the states of these shards."""
        self.evict([key for key in self._cached if self._shard_of(key) in shards])

    def _shard_of(self, execution_id: str) -> int:
        return shard_of(hash_of_execution_id(execution_id), self._shards)


def _take_apart(loaded: Loaded) -> None:
    if isinstance(loaded.state, ExecutionState):
        loaded.state.take_apart()


def _is_fresh_start(item: Item) -> bool:
    return (
        isinstance(item, LoggedCommand)
        and item.record.HasField("start")
        and item.execution_id[_UUID_VERSION_INDEX : _UUID_VERSION_INDEX + 1] == "7"
    )
