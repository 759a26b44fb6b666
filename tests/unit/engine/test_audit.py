"""The audit's facts: the same in pages of any size, and named as the core names them."""

from pathlib import Path

import pytest

from tests.contract.audit_suite import filled
from tests.contract.store_suite import SHARDS
from tidemill.api.events.v1 import history_pb2 as records
from tidemill.checking import facts
from tidemill.engine.audit import executions, shards
from tidemill.engine.audit.__main__ import tell
from tidemill.engine.audit.causes import causes_of
from tidemill.engine.core import events
from tidemill.engine.log.sqlite import SqliteLog
from tidemill.engine.settings import Settings
from tidemill.engine.store.sqlite.store import SqliteStore


async def told(data: Path) -> list[facts.EngineFact]:
    return [
        fact
        async for fact in tell(Settings(data=data, shards=SHARDS), "")
        if not isinstance(fact, facts.EngineHeader)
    ]


async def test_pages_of_any_size_tell_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SqliteStore(tmp_path / "state.db", SHARDS)
    await filled(store)
    log = SqliteLog(tmp_path / "log.db", SHARDS)
    await log.append([(shard, b"") for shard in (0, 0, 0, 0, 0, 0, 1)])
    whole = await told(tmp_path)
    assert {type(fact).__name__ for fact in whole} == {
        "DeadLetter", "Execution", "HistoryRow", "Folded", "Shard", "Peer", "Rejection", "Commit",
        "Outgoing", "LogRecord",
    }  # fmt: skip
    for size in (1, 2, 3):
        monkeypatch.setattr(executions, "EXECUTIONS_A_PAGE", size)
        monkeypatch.setattr(executions, "HISTORY_ROWS_A_PAGE", size)
        monkeypatch.setattr(shards, "ROWS_A_PAGE", size)
        assert await told(tmp_path) == whole
    await log.close()
    await store.close()


def cause_of(*kinds: records.Event, offset: int = 7) -> facts.CauseFact:
    batch = records.HistoryBatch(events=kinds, causes=[records.Cause(events=len(kinds), log_offset=offset)])
    (cause,) = causes_of(batch)
    return cause


def test_every_event_is_named_as_its_class() -> None:
    for field in records.Event.DESCRIPTOR.oneofs_by_name["kind"].fields:
        event = records.Event()
        getattr(event, field.name).SetInParent()
        kind, _, offset, count, first = cause_of(event)
        assert (kind, offset, count) == (facts.LOG, 7, 1)
        assert isinstance(getattr(events, first), type)


def test_what_could_not_be_applied_is_named_so() -> None:
    started = records.Event(execution_started=records.ExecutionStarted())
    suspended = records.Event(execution_suspended=records.ExecutionSuspended(reason="engine_error"))
    asked = records.Event(execution_suspended=records.ExecutionSuspended(reason="a holiday"))
    assert cause_of(suspended)[4] == facts.ENGINE_ERROR
    assert cause_of(started, suspended)[4] == facts.ENGINE_ERROR
    assert cause_of(asked)[4] == "ExecutionSuspended"


def test_causes_that_claim_more_than_there_is_are_told_as_they_are() -> None:
    batch = records.HistoryBatch(causes=[records.Cause(events=3, timer_id="t"), records.Cause(events=0)])
    assert causes_of(batch) == [(facts.TIMER, "t", 0, 3, ""), (facts.UNKNOWN, "", 0, 0, "")]
