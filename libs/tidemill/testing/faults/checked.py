"""`tidemill check` after a run, held against what the sender and the outside know."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tidemill.json import Json, dumps
from tidemill.stack.cluster import Cluster
from tidemill.testing.effects import Effects
from tidemill.testing.faults.sending import Tally
from tidemill.testing.faults.workload import JOINED, LEFT, NOTED, SOURCE

FILE_NAME: Final = "expected.jsonl"
_SECONDS_MAX: Final = 600.0
# By kind of event how many executions take it: what it starts, and what waits for it.
_TAKEN: Final = {JOINED: 1, NOTED: 2, LEFT: 1}


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What the checker printed, and whether it found everything proved."""

    holds: bool
    text: str


async def check(cluster: Cluster, tally: Tally, effects: Effects, data: Path) -> CheckReport:
    """Check histories, log and ledger against each other, and against what was acknowledged and done."""
    file = data / FILE_NAME
    file.write_bytes(b"".join(dumps(line) + b"\n" for line in expected(tally, effects)))
    code, text = await cluster.command("check", "--expected", str(file), seconds=_SECONDS_MAX)
    return CheckReport(code == 0, text)


def expected(tally: Tally, effects: Effects) -> Iterator[Json]:
    """Every execution that was told of, every event that was taken, every effect that was made."""
    for execution_id in sorted(tally.started):
        yield {"start": execution_id, "phase": "completed"}
    for happening in tally.acknowledged:
        if happening.kind in _TAKEN:
            event: Json = {"source": SOURCE, "id": happening.id}
            yield {"event": event, "taken": _TAKEN[happening.kind]}
    for key, times in effects.by_key.items():
        yield {"effect": key, "times": times}
    yield {"actions": ["http"]}
