"""A state that comes out of a snapshot is the one that went in, and goes on the same way."""

import base64
from pathlib import Path
from random import Random

import orjson
import pytest

from tests.simulation import test_fold
from tests.unit.core.driver import EXECUTION_ID, Driver
from tests.unit.core.snapshots import snapshot
from tidemill.engine.core.apply import apply, fold
from tidemill.engine.core.commands import Command
from tidemill.engine.core.decision import Decision
from tidemill.engine.core.state import ExecutionState
from tidemill.engine.records import decode_batch
from tidemill.engine.state_records import decode_state, encode_state

RECORDED = sorted((Path(test_fold.__file__).parents[1] / "histories" / "recorded").glob("*.json"))
SEEDS_PER_BLOCK = 40


def restored(state: ExecutionState) -> ExecutionState:
    """The state out of its own snapshot."""
    again = decode_state(state.execution_id, state.sequence, encode_state(state))
    assert snapshot(again) == snapshot(state)
    return again


def decide_from_snapshot(driver: Driver, command: Command) -> Decision:
    """What `Driver.command` does, with a state that was loaded from a snapshot."""
    if driver.maybe_state is not None:
        driver.maybe_state = restored(driver.maybe_state)
    return decide_from_memory(driver, command)


decide_from_memory = Driver.command


@pytest.mark.parametrize("block", range(8))
def test_what_is_loaded_from_snapshots_decides_the_same(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(block * SEEDS_PER_BLOCK, (block + 1) * SEEDS_PER_BLOCK):
        folded = test_fold.simulate(Random(seed))
        with monkeypatch.context() as patching:
            patching.setattr(Driver, "command", decide_from_snapshot)
            loaded = test_fold.simulate(Random(seed))
        assert loaded.rows == folded.rows, f"seed {seed}"
        restored(loaded.state)


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded_histories_go_on_from_a_snapshot_after_each_row(path: Path) -> None:
    record = orjson.loads(path.read_bytes())
    batches = [decode_batch(base64.b64decode(row)) for row in record["rows"]]
    rows = [[(batch.now_us, event) for event in batch.events] for batch in batches]
    whole = fold(EXECUTION_ID, [pair for row in rows for pair in row])
    for number in range(1, len(rows)):
        state = restored(fold(EXECUTION_ID, [pair for row in rows[:number] for pair in row]))
        for now_us, event in [pair for row in rows[number:] for pair in row]:
            apply(state, event, now_us)
        assert snapshot(state) == snapshot(whole)
