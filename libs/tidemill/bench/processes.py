"""What processes cost, as Linux accounts for it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
# Among the fields of /proc/PID/stat behind the command: user and system time, the 14th and 15th of all.
_USER_TICKS: Final = 11
_SYSTEM_TICKS: Final = 12


def cpu_seconds(pids: Mapping[str, int], *, proc: Path = _PROC) -> dict[str, float]:
    """User and system time that each process has used since it started."""
    ticks_per_second = os.sysconf("SC_CLK_TCK")
    return {name: _cpu_ticks(proc, pid) / ticks_per_second for name, pid in pids.items()}


def peak_rss_mb(pids: Mapping[str, int], *, proc: Path = _PROC) -> dict[str, float]:
    """The most memory that each process has held so far, in MiB."""
    return {name: round(_peak_rss_kib(proc, pid) / 1024, 1) for name, pid in pids.items()}


def _cpu_ticks(proc: Path, pid: int) -> int:
    # The command may hold spaces and brackets of its own.
    fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])


def _peak_rss_kib(proc: Path, pid: int) -> int:
    for line in (proc / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise ValueError(f"process {pid} has no VmHWM")
