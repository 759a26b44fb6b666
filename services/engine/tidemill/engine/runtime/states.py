"""States of executions in memory: a bounded cache of what the store holds of them."""

from collections import OrderedDict
from collections.abc import Collection, Container, Iterable

from tidemill.blobs.claim_check import ClaimCheck
from tidemill.engine.core.state import ExecutionState
from tidemill.engine.runtime.items import Item, LoggedCommand
from tidemill.engine.runtime.snapshots import Growth, Loaded, load_states
from tidemill.engine.store.port import ShardStore
from tidemill.lanes import hash_of_execution_id, shard_of

# Where the version digit stands in `<8 hex>-<uuid>`: 7 for a plain start, whose execution cannot exist yet.
_UUID_VERSION_INDEX = 23


class States:
    """The states that batches work on; the least recently used go first, and are loaded again when needed.

    Those that hold large texts go sooner: all together they hold `large_bytes_max` of them at most.
    """

    def __init__(
        self,
        store: ShardStore,
        executions_max: int,
        shards: int,
        *,
        check: ClaimCheck,
        large_bytes_max: int,
    ) -> None:
        self._store = store
        self._check = check
        self._shards = shards
        self._executions_max = executions_max
        self._large_bytes_max = large_bytes_max
        self._cached: OrderedDict[str, Loaded] = OrderedDict()
        # The large texts of executions that have any, the least recently used first, and their sum.
        self._large: OrderedDict[str, int] = OrderedDict()
        self._large_bytes = 0

    def __len__(self) -> int:
        return len(self._cached)

    async def load(
        self, items: Iterable[Item], known: Container[str] = (), *, large_bytes_max: int | None = None
    ) -> dict[str, Loaded]:
        """The state of each item's execution that exists and is not known already; an error where its
        history does not fold. Raises TooLargeAtOnceError."""
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
            ids = sorted(missing)
            found.update(await load_states(self._store, self._check, ids, large_bytes_max=large_bytes_max))
        return found

    def keep(self, state: ExecutionState, growth: Growth) -> None:
        """Remember a state that has just been committed, until `trim`."""
        self._cached[state.execution_id] = Loaded(state, growth)
        self._cached.move_to_end(state.execution_id)
        if growth.large_bytes:
            self._large_bytes += growth.large_bytes - self._large.pop(state.execution_id, 0)
            self._large[state.execution_id] = growth.large_bytes

    def trim(self) -> None:
        """Forget what is too much; to be called between two batches, when none works on a state."""
        while len(self._cached) > self._executions_max:
            self.evict([next(iter(self._cached))])
        while self._large_bytes > self._large_bytes_max:
            self.evict([next(iter(self._large))])

    def evict(self, execution_ids: Iterable[str]) -> None:
        """Forget states that no batch works on any more: closed ones, and those that a failed batch has
        touched."""
        for execution_id in execution_ids:
            loaded = self._cached.pop(execution_id, None)
            if loaded is not None:
                self._large_bytes -= self._large.pop(execution_id, 0)
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
