"""What a program may take, and how the service turns programs on."""

import resource
from dataclasses import dataclass
from typing import Final

from tidemill.errors import InvalidRequestError

KINDS: Final = ("shell", "script", "container")
PROCESSES_VARIABLE: Final = "TIDEMILL_ACTIONS_PROCESSES"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLimits:
    """Limits of one program, each with its unit, and of all of them together."""

    timeout_us: int
    kill_grace_us: int
    output_bytes_max: int
    memory_bytes_max: int
    cpu_us_max: int
    open_files_max: int
    file_bytes_max: int
    container_processes_max: int
    detached_max: int

    @property
    def cpu_seconds_max(self) -> int:
        """CPU time in whole seconds, which is all that the kernel counts in."""
        return max(self.cpu_us_max // 1_000_000, 1)

    def of_the_kernel(self) -> dict[str, int]:
        """The limits that the kernel holds for each process of a program, by the names of `resource`."""
        named = {
            "RLIMIT_CPU": self.cpu_seconds_max,
            "RLIMIT_NOFILE": self.open_files_max,
            "RLIMIT_FSIZE": self.file_bytes_max,
            "RLIMIT_CORE": 0,
            "RLIMIT_AS": self.memory_bytes_max,
        }
        assert all(hasattr(resource, name) for name in named)
        return named


def kinds_of(text: str) -> frozenset[str]:
    """The kinds that are on, named with commas between. Raises InvalidRequestError."""
    kinds = frozenset(filter(None, map(str.strip, text.split(","))))
    unknown = sorted(kinds - set(KINDS))
    if unknown:
        message = f"{PROCESSES_VARIABLE}: there is no {unknown[0]!r}; there are {', '.join(KINDS)}"
        raise InvalidRequestError(PROCESSES_VARIABLE, message)
    return kinds
