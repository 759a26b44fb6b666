"""How long what has ended is kept: the values, and the rule that all stores follow."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

# An execution that ran for longer is looked at by itself before a partition of history goes.
LONG_US: Final = 86_400_000_000
FOR_EVER: Final = 0


@dataclass(frozen=True, slots=True)
class NamespaceRow:
    """What holds for a namespace alone; None stands for the installation's default, 0 for ever."""

    name: str
    history_retention_us: int | None = None
    execution_retention_us: int | None = None


@dataclass(frozen=True, slots=True)
class RetentionTerms:
    """The installation's defaults: how long a history and a row are kept after the end; 0 for ever."""

    history_us: int = FOR_EVER
    execution_us: int = FOR_EVER

    def history_of(self, row: NamespaceRow | None) -> int:
        """How long histories of the namespace are kept."""
        own = row.history_retention_us if row else None
        return self.history_us if own is None else own

    def execution_of(self, row: NamespaceRow | None) -> int:
        """How long rows of the namespace are kept; its histories go with them."""
        own = row.execution_retention_us if row else None
        return self.execution_us if own is None else own

    def longest_history_us(self, rows: Iterable[NamespaceRow]) -> int:
        """How long some history is kept at most; 0 where that is for ever."""
        kept = [self.history_us, *(self.history_of(row) for row in rows)]
        return FOR_EVER if FOR_EVER in kept else max(kept)


def outlives(execution_us: int, history_us: int) -> bool:
    """Whether rows are kept as long as histories, or longer: they know what a repeated start belongs to."""
    return execution_us == FOR_EVER or (history_us != FOR_EVER and execution_us >= history_us)
