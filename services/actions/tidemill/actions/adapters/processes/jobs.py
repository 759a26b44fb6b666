"""What a guard is asked to run: a program with everything that it gets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# Inside of the folder that each job has for itself.
WORK = "work"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One program to run. `command` and `arguments` stand around the path of the script, where there is one.

    `limits` are those of the kernel, by the names of `resource`; `farewell` is a command that takes away what
    the program has running elsewhere, for when it is stopped or killed.
    """

    command: tuple[str, ...]
    script: str = ""
    code: str = ""
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str]
    stdin: bytes = b""
    limits: Mapping[str, int] = field(default_factory=dict)
    farewell: tuple[str, ...] = ()
    farewell_environment: Mapping[str, str] = field(default_factory=dict)
    no_new_privileges: bool = True

    def argv_in(self, folder: Path) -> list[str]:
        """What is executed, for a job that has the folder."""
        script = [str(folder / self.script)] if self.script else []
        return [*self.command, *script, *self.arguments]

    def prepare(self, folder: Path) -> None:
        """Write what the program finds in its folder; its working directory is empty. Raises OSError."""
        (folder / WORK).mkdir()
        if self.script:
            (folder / self.script).write_text(self.code, encoding="utf-8")


def order_of(job: Job, folder: Path, grace_us: int) -> bytes:
    """What the guard reads: one line of JSON. The grace is what a program has for its end, once asked."""
    order = {
        "argv": job.argv_in(folder),
        "environment": dict(job.environment),
        "folder": str(folder),
        "work": str(folder / WORK),
        "limits": dict(job.limits),
        "grace_seconds": grace_us / 1_000_000,
        "farewell": list(job.farewell),
        "farewell_environment": dict(job.farewell_environment),
        "no_new_privileges": job.no_new_privileges,
    }
    return json.dumps(order).encode() + b"\n"
