"""`python -m tidemill.actions`: one Action service, set up by TIDEMILL_ACTIONS_* and ended by SIGTERM."""

import os
import sys

from tidemill.actions.app import Surroundings, build
from tidemill.actions.settings import load
from tidemill.interpreter import tune_interpreter
from tidemill.supervision import run_to_exit_code
from tidemill.telemetry.logging import configure_logging
from tidemill.telemetry.tracing import configure_tracing


async def run() -> None:
    """Serve until asked to stop."""
    settings = load(os.environ)
    tracing = configure_tracing("actions", os.environ)
    try:
        service = await build(settings, Surroundings(tracing=tracing))
        await service.run()
    finally:
        tracing.shutdown()


def main() -> int:
    """The exit code; see `run_to_exit_code`."""
    configure_logging("actions", level=os.environ.get("TIDEMILL_LOG_LEVEL", "info"))
    tune_interpreter()
    return run_to_exit_code(run(), ValueError)


if __name__ == "__main__":
    sys.exit(main())
