"""Both ledgers pass the one suite; the one in a file survives restarts and refuses clearly."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.ledger_suite import LATER_US, LedgerSuite, ask, hold_of, ran
from tests.contract.replica_suite import ReplicaSuite
from tests.unit.actions.samples import SUCCESS, claim
from tidemill.action_kit import EffectClass
from tidemill.actions.core.model import ActionState, Cancellation, Outcome
from tidemill.actions.core.problems import LOST
from tidemill.actions.ledger import rows, statements
from tidemill.actions.ledger.memory import MemoryLedger
from tidemill.actions.ledger.port import Answered, Granted, Record
from tidemill.actions.ledger.sqlite import FILE_NAME, SqliteLedger
from tidemill.storage import StorageUnavailableError


class TestMemoryLedger(LedgerSuite):
    @pytest.fixture
    def ledger(self) -> MemoryLedger:
        return MemoryLedger()


class TestReplicasInMemory(ReplicaSuite):
    @pytest.fixture
    def ledger(self) -> MemoryLedger:
        return MemoryLedger()

    @pytest.fixture
    def replicas(self, ledger: MemoryLedger) -> MemoryLedger:
        return ledger


class TestSqliteLedger(LedgerSuite):
    @pytest.fixture
    async def ledger(self, tmp_path: Path) -> AsyncIterator[SqliteLedger]:
        ledger = SqliteLedger(tmp_path / FILE_NAME)
        yield ledger
        await ledger.close()


class TestSqliteLedgerWhereAllKeysShareOneHash(LedgerSuite):
    @pytest.fixture
    async def ledger(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SqliteLedger]:
        monkeypatch.setattr(statements, "hash_of", lambda key: 5)
        ledger = SqliteLedger(tmp_path / FILE_NAME)
        yield ledger
        await ledger.close()


async def test_what_was_recorded_is_there_after_a_restart(tmp_path: Path) -> None:
    first = SqliteLedger(tmp_path / FILE_NAME)
    await ran(first, claim())
    await first.close()
    again = SqliteLedger(tmp_path / FILE_NAME)
    assert await ask(again, claim(token=2)) == [Answered(SUCCESS)]
    await again.close()


async def test_a_restart_voids_the_leases_of_whoever_was_there_before(tmp_path: Path) -> None:
    first = SqliteLedger(tmp_path / FILE_NAME)
    await hold_of(first, claim("once"))
    await hold_of(first, claim("risky", effect_class=EffectClass.AT_MOST_ONCE))
    await first.close()
    again = SqliteLedger(tmp_path / FILE_NAME)
    once, risky = await ask(again, claim("once"), claim("risky", effect_class=EffectClass.AT_MOST_ONCE))
    assert isinstance(once, Granted)
    assert risky == Answered(LOST)
    await again.close()


async def test_a_full_disk_refuses_the_claim_and_takes_it_once_there_is_room(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / FILE_NAME, page_count_max=40)
    hold = await hold_of(ledger, claim("first"))
    with pytest.raises(StorageUnavailableError, match="full"):
        await ask(ledger, *(claim(f"{'k' * 200}{number}") for number in range(1_000)))
    assert await ledger.lookup(f"{'k' * 200}0") == []
    large = Record(claim("first"), hold, Outcome(ActionState.SUCCEEDED, b"x" * 400_000))
    with pytest.raises(StorageUnavailableError, match="full"):
        await ledger.record([large])
    assert await ledger.record([Record(claim("first"), hold, SUCCESS)]) == [SUCCESS]
    await ledger.close()


async def test_a_damaged_file_is_refused_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    ledger = SqliteLedger(path)
    for number in range(50):
        await ran(ledger, claim(f"k{number}"))
    await ledger.close()
    data = bytearray(path.read_bytes())
    data[4096:12288] = b"\xa5" * 8192
    path.write_bytes(data)
    with pytest.raises(StorageUnavailableError, match=r"ledger\.db"):
        SqliteLedger(path)


async def test_a_file_that_is_no_database_is_refused_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(b"this is not a database, whatever its name says" * 100)
    with pytest.raises(StorageUnavailableError, match="not a database"):
        SqliteLedger(path)


async def test_a_closed_ledger_says_so(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / FILE_NAME)
    await ledger.close()
    with pytest.raises(StorageUnavailableError, match="closed"):
        await ask(ledger, claim())


async def test_a_late_holder_finds_itself_late_after_a_restart_too(tmp_path: Path) -> None:
    first = SqliteLedger(tmp_path / FILE_NAME)
    lost = claim()
    hold = await hold_of(first, lost)
    await first.cancel([Cancellation("k", 1)], LATER_US)
    await first.close()
    again = SqliteLedger(tmp_path / FILE_NAME)
    [stands] = await again.record([Record(lost, hold, SUCCESS)])
    assert stands is not None
    assert stands.state is ActionState.CANCELLED
    await again.close()


def test_statements_of_many_rows_stay_within_what_sqlite_takes() -> None:
    assert rows.STATEMENT_ROWS_MAX * 9 <= 32_766
    assert [len(part) for part in rows.chunks(range(2_500))] == [1_000, 1_000, 500]
