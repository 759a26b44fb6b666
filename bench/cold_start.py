"""How long people wait for the command line: `python bench/cold_start.py`.

Measures `tidemill --help` and `tidemill run` of a workflow of one task, all services included, from a cold
start each time; exits with 1 when the median is over its limit.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROUNDS: Final = 5
HELP_SECONDS_MAX: Final = 0.4
RUN_SECONDS_MAX: Final = 2.0
WORKFLOW: Final = """
document: {dsl: '1.0.3', namespace: bench, name: cold-start, version: '1.0.0'}
do:
- only:
    set: {answer: 42}
"""


def median_seconds(arguments: Sequence[str]) -> float:
    """The median time of a command that must succeed; one unmeasured run before compiles the bytecode."""
    command = [sys.executable, "-m", "tidemill.cli", *arguments]
    times: list[float] = []
    for _ in range(ROUNDS + 1):
        begun = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - begun)
    return statistics.median(times[1:])


def main() -> int:
    """Measure and print; the exit code."""
    with tempfile.TemporaryDirectory() as directory:
        workflow = Path(directory) / "workflow.yaml"
        workflow.write_text(WORKFLOW)
        measured = (
            ("tidemill --help", median_seconds(["--help"]), HELP_SECONDS_MAX),
            ("tidemill run", median_seconds(["run", str(workflow)]), RUN_SECONDS_MAX),
        )
    for name, seconds, seconds_max in measured:
        print(f"{name:<16} {seconds:6.3f} s   (at most {seconds_max:g} s)")
    return int(any(seconds > seconds_max for _, seconds, seconds_max in measured))


if __name__ == "__main__":
    sys.exit(main())
