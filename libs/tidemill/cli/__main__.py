"""The console script `tidemill`: runs a command and turns whatever happens into one line and an exit code."""

import os
import sys
from collections.abc import Sequence

from tidemill.cli.failures import INTERRUPTED, describe


def main() -> None:
    """Run the command that the process was called with, and exit."""
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_output()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code. Errors are one line on standard error, never a traceback."""
    from tidemill.cli.app import app

    try:
        code = app(args=list(arguments) or ["--help"], prog_name="tidemill", standalone_mode=False)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read us has seen enough
        _forget_output()
        return 0
    except Exception as error:
        line, failed_code = describe(error)
        sys.stderr.write(f"error: {line}\n")
        return failed_code
    return code if isinstance(code, int) else 0


def _forget_output() -> None:
    """Send what is still to be written nowhere, so that the interpreter's last flush does not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
