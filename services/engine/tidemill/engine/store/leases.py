"""Leases in the memory of a store that one process alone uses: whoever opens it anew finds none."""

from tidemill.engine.store.rows import LeaseRow


class Leases:
    """Which engines live, until when."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[int, LeaseRow]] = {}

    def renew(self, lease: LeaseRow, *, now_us: int, ttl_us: int) -> list[LeaseRow]:
        """Let an engine live on; those that live, by name."""
        self._held[lease.engine] = (now_us + ttl_us, lease)
        self._held = {engine: held for engine, held in self._held.items() if held[0] > now_us}
        return [row for _, (_, row) in sorted(self._held.items())]

    def end(self, engine: str) -> None:
        """The engine lives no longer."""
        self._held.pop(engine, None)
