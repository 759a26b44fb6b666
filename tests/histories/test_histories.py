"""Histories that a release has written must mean the same for ever.

A failure says that stored executions would come back changed. Do not record anew: give the event a new kind
or field, and let the old ones fold as they did.
"""

import base64
from pathlib import Path

import orjson
import pytest

from tests.histories.facts import facts, fold_rows
from tests.histories.stories import STORIES
from tidemill.api.events.v1 import history_pb2
from tidemill.engine.records import decode_batch, encode_batch
from tidemill.json import Json

RECORDED = sorted((Path(__file__).parent / "recorded").glob("*.json"))


def read(path: Path) -> tuple[str, list[str], Json]:
    record = orjson.loads(path.read_bytes())
    return record["execution_id"], record["rows"], record["facts"]


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_history_folds_to_the_same_facts(path: Path) -> None:
    execution_id, rows, expected = read(path)
    assert facts(fold_rows(execution_id, rows)) == expected


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_history_is_written_again_as_it_was(path: Path) -> None:
    _, rows, _ = read(path)
    for row in rows:
        data = base64.b64decode(row)
        batch = decode_batch(data)
        assert encode_batch(batch.events, batch.causes, batch.now_us) == data


def test_every_story_is_recorded() -> None:
    assert {path.stem for path in RECORDED} == set(STORIES), "run 'python -m tests.histories.record'"


def test_every_kind_of_event_is_in_some_recorded_history() -> None:
    found: set[str] = set()
    for path in RECORDED:
        for row in read(path)[1]:
            batch = history_pb2.HistoryBatch.FromString(base64.b64decode(row))
            found.update(event.WhichOneof("kind") or "" for event in batch.events)
    assert found == {field.name for field in history_pb2.Event.DESCRIPTOR.oneofs_by_name["kind"].fields}
