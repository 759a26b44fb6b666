"""Which processes belong to a server, it and the children that it has forked, and whether they still are."""

import subprocess
from pathlib import Path
from typing import Final

_PROCESSES: Final = Path("/proc")


def family(pid: int) -> list[int]:
    """The process and all below it, the process first."""
    children: dict[int, list[int]] = {}
    for child, parent in _pairs():
        children.setdefault(parent, []).append(child)
    members = [pid]
    for member in members:
        members.extend(children.get(member, []))
    return members


def state_of(pid: int) -> str:
    """The state of a process as `ps` names it: R, S, T, Z and others; empty when there is no such process."""
    if not (_PROCESSES / "self/stat").is_file():
        listed = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return listed.stdout.strip()[:1]
    try:
        return (_PROCESSES / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _pairs() -> list[tuple[int, int]]:
    """(process, parent) of every process that can be seen."""
    if not (_PROCESSES / "self/stat").is_file():
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
        return [(int(child), int(parent)) for child, parent in map(str.split, listed.stdout.splitlines())]
    pairs = []
    for entry in _PROCESSES.iterdir():
        if entry.name.isdigit():
            try:
                # The name, in brackets, may hold blanks and brackets itself.
                fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            pairs.append((int(entry.name), int(fields[1])))
    return pairs
