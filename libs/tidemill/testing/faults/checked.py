"""`tidemill check` after a run: its verdict, and what it printed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tidemill.stack.cluster import Cluster
from tidemill.testing.faults.workload import Happening

_SECONDS_MAX: Final = 600.0


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What the checker printed, and whether it found everything proved."""

    holds: bool
    text: str


async def check(cluster: Cluster, acknowledged: Sequence[Happening], data: Path) -> CheckReport:
    """Check histories, log and ledger of a cluster against each other, and against what was acknowledged."""
    code, text = await cluster.command("check", seconds=_SECONDS_MAX)
    return CheckReport(code == 0, text)
