"""`tidemill check` after a run: its verdict, and where it keeps its evidence."""

import asyncio
import os
import subprocess
import sys
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
    command = [sys.executable, "-m", "tidemill.cli", "check"]
    process = await asyncio.create_subprocess_exec(
        *command,
        env=cluster.layout.environment(os.environ),
        cwd=data,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), _SECONDS_MAX)
    return CheckReport(process.returncode == 0, output.decode("utf-8", "replace"))
