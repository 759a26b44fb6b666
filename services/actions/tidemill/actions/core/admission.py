"""Who may run now: limits of calls in flight, and fair, bounded queues by namespace for the rest."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionLimits:
    """Limits in calls. `group_limits` holds the groups whose limit is not `group_in_flight_max`."""

    in_flight_max: int
    namespace_in_flight_max: int
    group_in_flight_max: int
    queued_max: int
    namespace_queued_max: int
    group_limits: Mapping[str, int] = field(default_factory=dict)


class Admitted(Enum):
    """What became of an offer."""

    NOW = auto()
    QUEUED = auto()
    REFUSED = auto()


@dataclass(slots=True)
class _Waiting(Generic[T]):
    """The queues of one namespace: one for each rate group, so that a full one holds up itself alone."""

    by_group: dict[str, deque[T]] = field(default_factory=dict)
    size: int = 0


class Admission(Generic[T]):
    """Admits calls in the order of each (namespace, rate group), namespaces taking turns.

    Whatever was admitted must be released once; `drain` then answers what has come to its turn.
    """

    def __init__(self, limits: AdmissionLimits) -> None:
        self._limits = limits
        self._in_flight = 0
        self._by_namespace: dict[str, int] = {}
        self._by_group: dict[str, int] = {}
        self._waiting: dict[str, _Waiting[T]] = {}
        self._turns: deque[str] = deque()
        self._queued = 0

    @property
    def in_flight(self) -> int:
        return self._in_flight

    @property
    def queued(self) -> int:
        return self._queued

    def offer(self, item: T, namespace: str, group: str) -> Admitted:
        """Admit the item now, queue it, or refuse it when its queue is full."""
        waiting = self._waiting.get(namespace)
        overtakes = waiting is not None and group in waiting.by_group
        if not overtakes and self._has_room(namespace, group):
            self._take(namespace, group)
            return Admitted.NOW
        if self._queued >= self._limits.queued_max:
            return Admitted.REFUSED
        if waiting is not None and waiting.size >= self._limits.namespace_queued_max:
            return Admitted.REFUSED
        self._enqueue(item, namespace, group)
        return Admitted.QUEUED

    def release(self, namespace: str, group: str) -> None:
        """Give back the place of one admitted call."""
        self._in_flight -= 1
        _decrease(self._by_namespace, namespace)
        _decrease(self._by_group, group)

    def drain(self) -> list[T]:
        """Admit what waits and has room, one of each namespace in turn."""
        admitted: list[T] = []
        fruitless = 0
        while self._turns and fruitless < len(self._turns) and self._in_flight < self._limits.in_flight_max:
            namespace = self._turns.popleft()
            item = self._pop(namespace)
            if item is None:
                fruitless += 1
            else:
                fruitless = 0
                admitted.append(item)
            if self._waiting[namespace].size:
                self._turns.append(namespace)
            else:
                del self._waiting[namespace]
        return admitted

    def clear(self) -> list[T]:
        """Empty the queues and answer what was in them."""
        items = [
            item
            for waiting in self._waiting.values()
            for queue in waiting.by_group.values()
            for item in queue
        ]
        self._waiting.clear()
        self._turns.clear()
        self._queued = 0
        return items

    def _has_room(self, namespace: str, group: str) -> bool:
        limits = self._limits
        return (
            self._in_flight < limits.in_flight_max
            and self._by_namespace.get(namespace, 0) < limits.namespace_in_flight_max
            and self._by_group.get(group, 0) < limits.group_limits.get(group, limits.group_in_flight_max)
        )

    def _take(self, namespace: str, group: str) -> None:
        self._in_flight += 1
        self._by_namespace[namespace] = self._by_namespace.get(namespace, 0) + 1
        self._by_group[group] = self._by_group.get(group, 0) + 1

    def _enqueue(self, item: T, namespace: str, group: str) -> None:
        waiting = self._waiting.get(namespace)
        if waiting is None:
            waiting = self._waiting[namespace] = _Waiting()
            self._turns.append(namespace)
        waiting.by_group.setdefault(group, deque()).append(item)
        waiting.size += 1
        self._queued += 1

    def _pop(self, namespace: str) -> T | None:
        waiting = self._waiting[namespace]
        group = next((group for group in waiting.by_group if self._has_room(namespace, group)), None)
        if group is None:
            return None
        queue = waiting.by_group.pop(group)
        item = queue.popleft()
        if queue:
            # Back at the end: the namespace's own groups take turns too.
            waiting.by_group[group] = queue
        waiting.size -= 1
        self._queued -= 1
        self._take(namespace, group)
        return item


def _decrease(counts: dict[str, int], name: str) -> None:
    left = counts[name] - 1
    if left:
        counts[name] = left
    else:
        del counts[name]
