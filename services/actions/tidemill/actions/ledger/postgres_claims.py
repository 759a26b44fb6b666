"""Claims and cancellations in Postgres: rulings of `core.decision`, and how a lost race ends.

Rows are read without locks. Rows of lost claims are locked, in the order of their keys, and read again before
they are changed. New rows meet the unique indexes: who comes second gets none, and reads what stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tidemill.actions.core.decision import Claim, Row, Ruling, Verdict, decide
from tidemill.actions.core.model import CANCELLED, Cancellation, Outcome
from tidemill.actions.core.problems import LOST
from tidemill.actions.ledger import postgres_rows as rows
from tidemill.actions.ledger.port import (
    Answered,
    ClaimAnswer,
    Granted,
    Held,
    LeaseLostError,
    Superseded,
)
from tidemill.actions.ledger.rows import outcome_columns

if TYPE_CHECKING:
    from tidemill.postgres import Connection

_Found = dict[bytes, list[Row]]
_Hashed = tuple[bytes, Claim]
_CHANGES_LOST_ROW: Final = (Verdict.TAKE_OVER, Verdict.GIVE_UP)


async def claim(connection: "Connection", claims: Sequence[Claim], now_us: int) -> list[ClaimAnswer]:
    """Rule on the claims and write what the verdicts say. Raises LeaseLostError."""
    answers: dict[int, ClaimAnswer] = {}
    for wave in _waves(claims):
        hashed = [(rows.hash_of(one.key), one) for _, one in wave]
        given = await _Wave(connection, hashed, now_us).carry_out()
        answers.update((place, answer) for (place, _), answer in zip(wave, given, strict=True))
    return [answers[place] for place in range(len(claims))]


def _waves(claims: Sequence[Claim]) -> list[list[tuple[int, Claim]]]:
    """Claims with their places, a key once in each wave: what one writes, the next of its key must see."""
    waves: list[list[tuple[int, Claim]]] = []
    seen: dict[str, int] = {}
    for place, one in enumerate(claims):
        number = seen.get(one.key, 0)
        seen[one.key] = number + 1
        if number == len(waves):
            waves.append([])
        waves[number].append((place, one))
    return waves


@dataclass(slots=True)
class _Writes:
    """What the rulings of a wave write."""

    new: list[_Hashed] = field(default_factory=list)
    aside: list[bytes] = field(default_factory=list)
    taken: list[_Hashed] = field(default_factory=list)
    given_up: list[tuple[bytes, Row]] = field(default_factory=list)


class _Wave:
    """Claims of different keys, each ruled on once."""

    def __init__(self, connection: "Connection", hashed: list[_Hashed], now_us: int) -> None:
        self._connection = connection
        self._hashed = hashed
        self._now_us = now_us

    async def carry_out(self) -> list[ClaimAnswer]:
        rulings = self._rule(await self._read())
        writes = self._collect(rulings)
        await self._update(writes)
        numbers = await self._insert(writes.new)
        answers = {key: self._answer(key, ruling, numbers) for key, ruling in rulings.items()}
        late = [one for one in self._hashed if answers[one[0]] is None]
        again = await self._second_answers(late) if late else {}
        return [answers[key] or again[key] for key, _ in self._hashed]

    async def _read(self) -> _Found:
        found: _Found = {}
        # Claims of one process have one holder.
        for holder in dict.fromkeys(one.holder for _, one in self._hashed):
            hashes = [key for key, one in self._hashed if one.holder == holder]
            part = await rows.read_for(self._connection, hashes, holder)
            if part is None:
                raise LeaseLostError
            found |= part
        lost = [key for key, ruling in self._rule(found).items() if _changes_lost_row(ruling, found.get(key))]
        return found | await _locked(self._connection, lost) if lost else found

    def _rule(self, found: _Found) -> dict[bytes, tuple[Claim, Ruling, list[Row]]]:
        ruled = {}
        for key, one in self._hashed:
            there = found.get(key, [])
            ruled[key] = (one, decide(one, there, self._now_us), there)
        return ruled

    def _collect(self, rulings: dict[bytes, tuple[Claim, Ruling, list[Row]]]) -> _Writes:
        writes = _Writes()
        for key, (one, ruling, there) in rulings.items():
            match ruling.verdict:
                case Verdict.RUN:
                    writes.new.append((key, one))
                    if any(row.outcome is None for row in there):
                        writes.aside.append(key)
                case Verdict.TAKE_OVER:
                    writes.taken.append((key, one))
                case Verdict.GIVE_UP:
                    writes.given_up.append((key, ruling.subject))
                case _:
                    pass
        return writes

    async def _update(self, writes: _Writes) -> None:
        if writes.aside:
            await self._connection.execute(rows.STEP_ASIDE, writes.aside)
        if writes.taken:
            claims = [one for _, one in writes.taken]
            await self._connection.execute(
                rows.TAKE_OVER,
                [key for key, _ in writes.taken],
                [one.attempt for one in claims],
                [one.token for one in claims],
                [one.lease_until_us for one in claims],
                [one.holder for one in claims],
            )
        if writes.given_up:
            await _end(self._connection, writes.given_up, LOST)

    async def _insert(self, new: list[_Hashed]) -> dict[bytes, int]:
        """The number of each row that is there now; a key without one has lost its race."""
        if not new:
            return {}
        new.sort(key=lambda hashed: hashed[0])
        claims = [one for _, one in new]
        inserted = await self._connection.fetch(
            rows.INSERT,
            [key for key, _ in new],
            [one.attempt for one in claims],
            [one.key for one in claims],
            [one.digest for one in claims],
            [one.token for one in claims],
            [one.lease_until_us for one in claims],
            [one.holder for one in claims],
        )
        return {row[0]: row[1] for row in inserted}

    def _answer(
        self, key: bytes, ruled: tuple[Claim, Ruling, list[Row]], numbers: dict[bytes, int]
    ) -> ClaimAnswer | None:
        ruling = ruled[1]
        match ruling.verdict:
            case Verdict.RUN:
                return Granted(numbers[key]) if key in numbers else None
            case Verdict.TAKE_OVER:
                return Granted(ruling.subject.number)
            case Verdict.GIVE_UP:
                return Answered(LOST)
            case _:
                return _reading(ruling)

    async def _second_answers(self, late: list[_Hashed]) -> dict[bytes, ClaimAnswer]:
        """Of claims that somebody else was quicker at: what stands, or that it is to be asked again."""
        found = await rows.read_rows(self._connection, [key for key, _ in late])
        answers = {}
        for key, one in late:
            ruling = decide(one, found.get(key, []), self._now_us)
            answers[key] = _reading(ruling) or Held(self._now_us)
        return answers


def _reading(ruling: Ruling) -> ClaimAnswer | None:
    """The answer of a verdict that writes nothing; None for the others."""
    match ruling.verdict:
        case Verdict.RUN_UNCLAIMED:
            return Granted(0)
        case Verdict.REFUSE:
            return Superseded()
        case Verdict.JOIN:
            return Held(ruling.subject.lease_until_us)
        case Verdict.ANSWER:
            return Answered(ruling.outcome)
        case _:
            return None


def _changes_lost_row(ruled: tuple[Claim, Ruling, list[Row]], there: list[Row] | None) -> bool:
    verdict = ruled[1].verdict
    if verdict is Verdict.RUN:
        return any(row.outcome is None for row in there or ())
    return verdict in _CHANGES_LOST_ROW


async def _locked(connection: "Connection", hashes: list[bytes]) -> _Found:
    """The rows of these keys as they are now, which nobody else can change; a key without any has none."""
    await connection.execute(rows.LOCK, hashes)
    return {key: [] for key in hashes} | await rows.read_rows(connection, hashes)


async def _end(connection: "Connection", lost: list[tuple[bytes, Row]], outcome: Outcome) -> None:
    hashes, attempts = [key for key, _ in lost], [row.attempt for _, row in lost]
    await connection.execute(rows.END, hashes, attempts, *outcome_columns(outcome))


async def cancel(
    connection: "Connection", cancellations: Sequence[Cancellation], now_us: int
) -> list[Outcome | None]:
    """End attempts; None where a live claim stands, or where somebody else was quicker a moment ago."""
    wanted = {(rows.hash_of(one.key), one.attempt): one for one in cancellations}
    standing = await _standing(connection, wanted)
    lost = [key for key, row in standing.items() if _is_lost(row, now_us)]
    if lost:
        await connection.execute(rows.LOCK, [key for key, _ in lost])
        standing |= await _standing(connection, lost)
        ending = [(key, row) for (key, _), row in standing.items() if row and _is_lost(row, now_us)]
        await _end(connection, ending, CANCELLED)
        standing |= await _standing(connection, lost)
    missing = sorted(key for key in wanted if standing.get(key) is None)
    if missing:
        await _entomb(connection, [(key, wanted[key]) for key in missing], now_us)
        standing |= await _standing(connection, missing)
    outcomes = {key: row.outcome if row is not None else None for key, row in standing.items()}
    return [outcomes.get((rows.hash_of(one.key), one.attempt)) for one in cancellations]


def _is_lost(row: Row | None, now_us: int) -> bool:
    return row is not None and row.outcome is None and not row.is_held(now_us)


async def _standing(
    connection: "Connection", wanted: "Sequence[tuple[bytes, int]] | dict[tuple[bytes, int], Cancellation]"
) -> dict[tuple[bytes, int], Row | None]:
    found = await rows.read_rows(connection, [key for key, _ in wanted])
    by_attempt = {(key, row.attempt): row for key, there in found.items() for row in there}
    return {identity: by_attempt.get(identity) for identity in wanted}


async def _entomb(
    connection: "Connection", missing: list[tuple[tuple[bytes, int], Cancellation]], now_us: int
) -> None:
    hashes = [key for (key, _), _ in missing]
    attempts = [attempt for (_, attempt), _ in missing]
    keys = [one.key for _, one in missing]
    await connection.execute(rows.ENTOMB, hashes, attempts, keys, int(CANCELLED.state), now_us)
