"""The ledger's rows beside the executions that they are of: both come by id, so that few are held."""

from collections.abc import Iterable, Iterator
from typing import Final

from tidemill.checking.facts import LedgerRow

_ID_LENGTH: Final = 45


class LedgerByExecution:
    """Gives out rows by execution. Those under keys too long to name theirs are held until it comes."""

    def __init__(self, rows: Iterator[LedgerRow]) -> None:
        self._rows = rows
        self._hashed: dict[str, list[LedgerRow]] = {}
        self._next = self._read()

    def _read(self) -> LedgerRow | None:
        for row in self._rows:
            if row.key[_ID_LENGTH : _ID_LENGTH + 1] == ":":
                return row
            self._hashed.setdefault(row.key, []).append(row)
        return None

    def before(self, execution_id: str | None) -> Iterator[LedgerRow]:
        """Rows of executions that come before this one, and have not been taken; None: all that are left."""
        while self._next is not None and (execution_id is None or self._next.key[:_ID_LENGTH] < execution_id):
            row, self._next = self._next, self._read()
            yield row
        if execution_id is None:
            hashed, self._hashed = self._hashed, {}
            for rows in hashed.values():
                yield from rows

    def take(self, execution_id: str, keys: Iterable[str]) -> list[LedgerRow]:
        """The rows of this execution; `keys` finds those under hashed keys."""
        taken: list[LedgerRow] = []
        while self._next is not None and self._next.key[:_ID_LENGTH] == execution_id:
            taken.append(self._next)
            self._next = self._read()
        for key in dict.fromkeys(keys):
            if key[_ID_LENGTH : _ID_LENGTH + 1] != ":":
                taken += self._hashed.pop(key, [])
        return taken
