"""What processes cost, as Linux accounts for it."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tidemill.testing.servers.family import family

_PROC: Final = Path("/proc")
# Among the fields of /proc/PID/stat behind the command: user and system time, the 14th and 15th of all.
_USER_TICKS: Final = 11
_SYSTEM_TICKS: Final = 12
# And those of children that have ended, the two behind.
_CHILDREN_TICKS: Final = (13, 14)


def cpu_seconds(pids: Mapping[str, int], *, proc: Path = _PROC) -> dict[str, float]:
    """User and system time that each process has used since it started."""
    ticks_per_second = os.sysconf("SC_CLK_TCK")
    return {name: _cpu_ticks(proc, pid) / ticks_per_second for name, pid in pids.items()}


def peak_rss_mb(pids: Mapping[str, int], *, proc: Path = _PROC) -> dict[str, float]:
    """The most memory that each process has held so far, in MiB."""
    return {name: round(_peak_rss_kib(proc, pid) / 1024, 1) for name, pid in pids.items()}


def cost_of(pids: Mapping[str, int], families: Mapping[str, int], *, proc: Path = _PROC) -> dict[str, float]:
    """The CPU seconds of each process, and of each family: a process and all below it, ended ones too."""
    ticks_per_second = os.sysconf("SC_CLK_TCK")
    used = {name: _family_ticks(proc, pid) / ticks_per_second for name, pid in families.items()}
    return {**cpu_seconds(pids, proc=proc), **used}


def memory_of(
    pids: Mapping[str, int], families: Mapping[str, int], *, proc: Path = _PROC
) -> dict[str, float]:
    """The peak of each process in MiB; of a family what it holds now, shared memory counted once."""
    held = {
        name: round(sum(_pss_kib(proc, member) for member in family(pid)) / 1024, 1)
        for name, pid in families.items()
    }
    return {**peak_rss_mb(pids, proc=proc), **held}


def written_bytes(
    pids: Mapping[str, int], families: Mapping[str, int], *, proc: Path = _PROC
) -> dict[str, int]:
    """What each process, and each family, has had written to disks since it started."""
    alone = {name: _written(proc, pid) for name, pid in pids.items()}
    return {
        **alone,
        **{name: sum(_written(proc, member) for member in family(pid)) for name, pid in families.items()},
    }


def rss_mb(pid: int, *, proc: Path = _PROC) -> float:
    """The memory that a process holds now, in MiB."""
    return _status_kib(proc, pid, "VmRSS:") / 1024


def _family_ticks(proc: Path, pid: int) -> int:
    total = 0
    for member in family(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = _stat(proc, member)
            total += sum(int(fields[at]) for at in (_USER_TICKS, _SYSTEM_TICKS, *_CHILDREN_TICKS))
    return total


def _pss_kib(proc: Path, pid: int) -> int:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
        for line in (proc / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def _written(proc: Path, pid: int) -> int:
    # The servers may belong to another user, whose counts only root sees.
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
        for line in (proc / str(pid) / "io").read_text().splitlines():
            if line.startswith("write_bytes:"):
                return int(line.split()[1])
    return 0


def _cpu_ticks(proc: Path, pid: int) -> int:
    fields = _stat(proc, pid)
    return int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])


def _stat(proc: Path, pid: int) -> list[str]:
    # The command may hold spaces and brackets of its own.
    return (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()


def _peak_rss_kib(proc: Path, pid: int) -> int:
    return _status_kib(proc, pid, "VmHWM:")


def _status_kib(proc: Path, pid: int, member: str) -> int:
    for line in (proc / str(pid) / "status").read_text().splitlines():
        if line.startswith(member):
            return int(line.split()[1])
    raise ValueError(f"process {pid} has no {member.rstrip(':')}")
