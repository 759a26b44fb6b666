"""`python -m tidemill.triggers`: one Triggers process, set up by TIDEMILL_TRIGGERS_* and ended by SIGTERM."""

import os
import sys

from tidemill.supervision import run_to_exit_code
from tidemill.telemetry.logging import configure_logging
from tidemill.telemetry.tracing import configure_tracing
from tidemill.triggers.app import Surroundings, build
from tidemill.triggers.settings import load


async def run() -> None:
    """Serve until asked to stop."""
    settings = load(os.environ)
    tracing = configure_tracing("triggers", os.environ)
    try:
        await build(settings, Surroundings(tracing=tracing)).run()
    finally:
        tracing.shutdown()


def main() -> int:
    """The exit code; see `run_to_exit_code`."""
    configure_logging("triggers", level=os.environ.get("TIDEMILL_LOG_LEVEL", "info"))
    return run_to_exit_code(run())


if __name__ == "__main__":
    sys.exit(main())
