"""The audits of both ledgers tell the same of the same calls, in an order to be judged, as of one moment."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.contract.http_calls import LIMITS
from tests.contract.ledger_suite import ask, ran
from tests.contract.postgres_ledger import joined_ledger
from tests.unit.actions.samples import FAILURE, NOW_US, SUCCESS, claim
from tidemill.actions.adapters.events import EventPublisher
from tidemill.actions.adapters.http.action import HttpAction
from tidemill.actions.audit import BUILT_IN_CLASSES, classes_of
from tidemill.actions.audit_files import LedgerFile
from tidemill.actions.audit_port import LedgerAudit
from tidemill.actions.audit_postgres import LedgerTables
from tidemill.actions.ledger.port import Ledger
from tidemill.actions.ledger.sqlite import FILE_NAME, SqliteLedger
from tidemill.actions.settings import Settings
from tidemill.checking.digests import outcome_digest
from tidemill.checking.facts import ActionClass, LedgerRow
from tidemill.rpc import RpcOptions, connect
from tidemill.storage import StorageUnavailableError
from tidemill.telemetry.metrics import Metrics
from tidemill.telemetry.tracing import NoTracing

Open = Callable[[], Awaitable[LedgerAudit]]
FIRST = "00000001-0193d5a0-0000-7000-8000-000000000001:/do/0/send#1"
LAST = "7f000001-0193d5a0-0000-7000-8000-000000000001:/do/0/send#1"
HASHED = "5e" * 32


async def all_rows(audit: LedgerAudit) -> list[LedgerRow]:
    return [row async for row in audit.rows()]


class LedgerAuditSuite:
    """The contract of the ledger's audit as tests."""

    async def test_rows_come_by_key_and_hashes_first(self, ledger: Ledger, audit: Open) -> None:
        await ran(ledger, claim(LAST), SUCCESS)
        await ran(ledger, claim(FIRST, 1), FAILURE)
        await ran(ledger, claim(HASHED), SUCCESS)
        await ask(ledger, claim(FIRST, 2, 7))
        await ledger.settle([LAST], NOW_US)
        view = await audit()
        rows = await all_rows(view)
        assert [(row.key, row.attempt, row.state, row.settled) for row in rows] == [
            (HASHED, 1, 1, False),
            (FIRST, 1, 2, False),
            (FIRST, 2, 0, False),
            (LAST, 1, 1, True),
        ]
        assert rows[0].outcome_digest == rows[3].outcome_digest
        assert rows[3].outcome_digest == outcome_digest(1, SUCCESS.output, None)
        error = FAILURE.error
        assert error is not None
        said = (error.type, error.status, error.title, error.detail)
        assert rows[1].outcome_digest == outcome_digest(2, None, said)
        assert rows[0].request_digest == claim(HASHED).digest.hex()
        await view.close()

    async def test_it_sees_one_moment(self, ledger: Ledger, audit: Open) -> None:
        await ran(ledger, claim(FIRST))
        view = await audit()
        await ran(ledger, claim(LAST))
        assert [row.key for row in await all_rows(view)] == [FIRST]
        await view.close()

    async def test_keys_are_looked_up(self, ledger: Ledger, audit: Open) -> None:
        for key in (FIRST, LAST, HASHED):
            await ran(ledger, claim(key))
        view = await audit()
        found = [row.key async for row in view.rows_of([LAST, HASHED, "strange"])]
        assert sorted(found) == sorted([LAST, HASHED])
        assert [row async for row in view.rows_of([])] == []
        await view.close()


class TestLedgerFile(LedgerAuditSuite):
    @pytest.fixture
    async def ledger(self, tmp_path: Path) -> AsyncIterator[SqliteLedger]:
        ledger = SqliteLedger(tmp_path / FILE_NAME)
        yield ledger
        await ledger.close()

    @pytest.fixture
    def audit(self, tmp_path: Path) -> Open:
        async def open_audit() -> LedgerAudit:
            return LedgerFile(tmp_path / FILE_NAME)

        return open_audit


class TestLedgerTables(LedgerAuditSuite):
    @pytest.fixture
    async def ledger(self, postgres_url: str) -> AsyncIterator[Ledger]:
        async with joined_ledger(postgres_url) as ledger:
            yield ledger

    @pytest.fixture
    def audit(self, postgres_url: str) -> Open:
        async def open_audit() -> LedgerAudit:
            return await LedgerTables.open(postgres_url)

        return open_audit


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailableError, match=r"ledger\.db"):
        LedgerFile(tmp_path / FILE_NAME)
    assert list(tmp_path.iterdir()) == []


async def test_the_classes_told_are_those_that_the_service_registers() -> None:
    channel = connect("127.0.0.1:1", RpcOptions(metrics=Metrics(), tracing=NoTracing()))
    registered = [
        HttpAction(LIMITS).action.spec,
        EventPublisher(channel, timeout_us=1, batch_max=1).action.spec,
    ]
    assert {spec.full_name: spec.effect_class for spec in registered} == BUILT_IN_CLASSES
    told = classes_of(Settings(modules="tests.e2e.sample_actions"))
    assert ActionClass("tidemill.echo:1.0.0", "pure") in told
    assert ActionClass("test.flaky:1.0.0", "once") in told
    await channel.close()
