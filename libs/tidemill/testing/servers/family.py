"""Which processes belong to a server: it and the children that it has forked."""

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
