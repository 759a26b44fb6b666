"""What is among the dead letters, where others look before they call a thing lost."""

from tidemill.checking.facts import DeadLetter


class DeadLetters:
    """Held whole: a system that has many of them has other troubles."""

    def __init__(self) -> None:
        self._offsets: set[tuple[int, int]] = set()
        self._timers: set[tuple[str, str]] = set()
        self._results: set[tuple[str, int]] = set()
        self._about: set[str] = set()

    def __len__(self) -> int:
        return len(self._offsets) + len(self._timers) + len(self._results)

    def add(self, fact: DeadLetter) -> None:
        """Remember one."""
        self._about.add(fact.about)
        match fact.kind:
            case "command":
                self._offsets.add((fact.shard, fact.number))
            case "timer":
                self._timers.add((fact.about, fact.identity))
            case "result":
                self._results.add((fact.identity, fact.number))
            case _:
                pass

    def holds_command(self, shard: int, offset: int) -> bool:
        return (shard, offset) in self._offsets

    def holds_timer(self, execution_id: str, timer_id: str) -> bool:
        return (execution_id, timer_id) in self._timers

    def holds_result(self, key: str, attempt: int) -> bool:
        return (key, attempt) in self._results

    def concern(self, execution_id: str) -> bool:
        """Whether any of them is for this execution, or from it to a lane."""
        return execution_id in self._about
