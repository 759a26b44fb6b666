"""Commands that are a service's own work: its module runs in a child process, since no library imports it."""

import subprocess
import sys

from tidemill.cli.failures import FAILED, CommandError


def run_module(module: str, *arguments: str) -> str:
    """What `python -m MODULE ARGUMENTS` prints; raises CommandError with its last line when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        lines = (done.stderr.strip() or f"{module} failed").splitlines()
        raise CommandError(lines[-1].removeprefix("error: "), exit_code=FAILED)
    return done.stdout.strip()
