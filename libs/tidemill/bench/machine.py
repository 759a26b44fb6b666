"""What the figures were taken on: the machine, its disk, and the versions of what ran."""

import importlib.metadata
import os
import platform
import sqlite3
import statistics
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tidemill.core_build import core_build
from tidemill.json import Json

_PROC: Final = Path("/proc")
_FSYNCS: Final = 100
_FSYNC_BYTES: Final = 4096
_GIT_SECONDS_MAX: Final = 5.0


def machine() -> dict[str, Json]:
    """Processor, memory, kernel, and how long the disk of temporary files takes to have 4 KiB for good."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "kernel": f"{platform.system()} {platform.release()}",
        "fsync_p50_ms": fsync_p50_ms(),
    }


def versions(*, on_servers: bool) -> dict[str, str]:
    """What ran: Tidemill, its commit and its core's build, Python, gRPC, and where everything was kept."""
    found = {
        "tidemill": importlib.metadata.version("tidemill"),
        "commit": commit(Path(__file__).parent),
        "python": platform.python_version(),
        "core": core_build(),
        "grpcio": importlib.metadata.version("grpcio"),
    }
    if on_servers:
        from tidemill.testing.servers.jars import KAFKA_VERSION

        return {**found, "kafka": KAFKA_VERSION, "postgres": _postgres_version()}
    return {**found, "sqlite": sqlite3.sqlite_version}


def today() -> str:
    """The date and minute, UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ")


def commit(folder: Path) -> str:
    """The commit that is checked out, with a plus where files differ from it; empty without a repository."""
    head = _git(folder, "rev-parse", "--short", "HEAD")
    if not head:
        return ""
    return head + ("+" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")


def fsync_p50_ms() -> float:
    """How long a write of 4 KiB and its fdatasync take, in the middle of some."""
    found = []
    with tempfile.TemporaryFile() as file:
        for _ in range(_FSYNCS):
            begun = time.perf_counter()
            file.write(b"\0" * _FSYNC_BYTES)
            file.flush()
            os.fdatasync(file.fileno())
            found.append((time.perf_counter() - begun) * 1000)
    return round(statistics.median(found), 3)


def _cpu_model() -> str:
    for line in (_PROC / "cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _postgres_version() -> str:
    from tidemill.testing.servers.binaries import postgres_binaries

    programs = postgres_binaries(Path(), foreign_user=False)
    said = _output([str(programs / "postgres"), "--version"])
    return said.rpartition(" ")[2]


def _git(folder: Path, *arguments: str) -> str:
    return _output(["git", "-C", str(folder), *arguments])


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_GIT_SECONDS_MAX, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
