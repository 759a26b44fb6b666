"""The ledger in memory, for tests: same contract, nothing survives."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

from tidemill.actions.core.decision import Claim, Row, Ruling, Verdict, decide
from tidemill.actions.core.model import CANCELLED, Cancellation, Outcome
from tidemill.actions.core.problems import LOST
from tidemill.actions.ledger.port import (
    Answered,
    ClaimAnswer,
    Granted,
    Held,
    LeaseLostError,
    Record,
    Superseded,
)


class MemoryLedger:
    """Keeps rows by key, when each was settled by its number, and the replicas that live.

    Leases of replicas last until they are left here. Claims without a holder are those of a process alone.
    """

    def __init__(self) -> None:
        self._living = {0}
        self._holders: dict[int, int] = {}
        self._rows: dict[str, dict[int, Row]] = {}
        self._settled_at_us: dict[int, int] = {}
        self._numbers = itertools.count(1)

    async def claim(self, claims: Sequence[Claim], now_us: int) -> list[ClaimAnswer]:
        if not all(claim.holder in self._living for claim in claims):
            raise LeaseLostError
        return [self._carry_out(claim, decide(claim, self._of(claim.key), now_us)) for claim in claims]

    def _carry_out(self, claim: Claim, ruling: Ruling) -> ClaimAnswer:
        match ruling.verdict:
            case Verdict.RUN:
                return Granted(self._insert(claim, None).number)
            case Verdict.RUN_UNCLAIMED:
                return Granted(0)
            case Verdict.REFUSE:
                return Superseded()
            case Verdict.JOIN:
                return Held(ruling.subject.lease_until_us)
            case Verdict.TAKE_OVER:
                row = replace(ruling.subject, token=claim.token, lease_until_us=claim.lease_until_us)
                self._holders[row.number] = claim.holder
                return Granted(self._put(claim.key, row).number)
            case Verdict.GIVE_UP:
                self._put(claim.key, replace(ruling.subject, token=0, outcome=LOST))
                return Answered(LOST)
            case Verdict.ANSWER:
                return Answered(ruling.outcome)

    async def record(self, records: Sequence[Record]) -> list[Outcome | None]:
        return [self._record(record) for record in records]

    def _record(self, record: Record) -> Outcome | None:
        claim = record.claim
        row = self._rows.get(claim.key, {}).get(claim.attempt)
        if row is None:
            self._insert(claim, record.outcome)
            return record.outcome
        if row.outcome is None and row.token == claim.token:
            self._put(claim.key, replace(row, outcome=record.outcome))
            return record.outcome
        return row.outcome

    async def release(self, holds: Sequence[tuple[int, Claim]]) -> None:
        gone = {(hold, claim.token) for hold, claim in holds}
        self._delete(lambda row: row.outcome is None and (row.number, row.token) in gone)

    async def cancel(self, cancellations: Sequence[Cancellation], now_us: int) -> list[Outcome | None]:
        return [self._cancel(cancellation, now_us) for cancellation in cancellations]

    def _cancel(self, cancellation: Cancellation, now_us: int) -> Outcome | None:
        row = next((row for row in self._of(cancellation.key) if row.attempt == cancellation.attempt), None)
        if row is None:
            tombstone = Row(next(self._numbers), cancellation.attempt, b"", 0, 0, CANCELLED)
            self._put(cancellation.key, tombstone)
            self._settled_at_us[tombstone.number] = now_us
            return CANCELLED
        if row.outcome is None and not row.is_held(now_us):
            self._put(cancellation.key, replace(row, token=0, outcome=CANCELLED))
            return CANCELLED
        return row.outcome

    async def lookup(self, key: str) -> list[Row]:
        return self._of(key)

    async def settle(self, keys: Sequence[str], now_us: int) -> None:
        for key in keys:
            rows = self._of(key)
            answered = max((row.attempt for row in rows if row.outcome is not None), default=0)
            for row in rows:
                if row.attempt <= answered and (row.outcome is not None or row.attempt < answered):
                    self._settled_at_us.setdefault(row.number, now_us)

    async def expire(self, settled_before_us: int, rows_max: int) -> int:
        due = [number for number, at_us in self._settled_at_us.items() if at_us < settled_before_us]
        page = set(due[:rows_max])
        self._delete(lambda row: row.number in page)
        for number in page:
            del self._settled_at_us[number]
        return len(page)

    async def close(self) -> None:
        return None

    async def join(self, name: str) -> int:
        token = next(self._numbers)
        self._living.add(token)
        return token

    async def renew(self, token: int) -> bool:
        return token in self._living

    async def leave(self, token: int) -> None:
        self._living.discard(token)

    def _of(self, key: str) -> list[Row]:
        rows = self._rows.get(key, {}).values()
        return [
            replace(row, holder_lives=self._lives(row), holder=self._holders.get(row.number, 0))
            for row in rows
        ]

    def _lives(self, row: Row) -> bool:
        return row.outcome is not None or self._holders[row.number] in self._living

    def _insert(self, claim: Claim, outcome: Outcome | None) -> Row:
        number = next(self._numbers)
        self._holders[number] = claim.holder
        row = Row(number, claim.attempt, claim.digest, claim.token, claim.lease_until_us, outcome)
        return self._put(claim.key, row)

    def _put(self, key: str, row: Row) -> Row:
        self._rows.setdefault(key, {})[row.attempt] = row
        return row

    def _delete(self, chosen: Callable[[Row], bool]) -> None:
        for key, rows in list(self._rows.items()):
            for attempt in [attempt for attempt, row in rows.items() if chosen(row)]:
                del rows[attempt]
            if not rows:
                del self._rows[key]
