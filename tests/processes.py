"""Whether other processes run, told the same way everywhere."""

from pathlib import Path


def runs(pid: int) -> bool:
    """Whether the process runs; one that has ended may still wait for its exit code to be read."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        # It may also end between the opening of the file and the reading.
        return False
    return state != "Z"
