"""`python -m tidemill.actions`: one Action service, set up by TIDEMILL_ACTIONS_* and ended by SIGTERM."""

import asyncio
import os
import sys

from tidemill.actions.app import Surroundings, build
from tidemill.actions.settings import load
from tidemill.errors import TidemillError
from tidemill.interpreter import tune_interpreter
from tidemill.loops import FatalError
from tidemill.rpc import AddressInUseError
from tidemill.telemetry.logging import configure_logging
from tidemill.telemetry.tracing import configure_tracing


async def run() -> None:
    """Serve until asked to stop."""
    settings = load(os.environ)
    tracing = configure_tracing("actions", os.environ)
    try:
        await build(settings, Surroundings(tracing=tracing)).run()
    finally:
        tracing.shutdown()


def main() -> int:
    """The exit code: 0 after a stop that was asked for, 1 after a refusal or failure, said in one line."""
    configure_logging("actions", level=os.environ.get("TIDEMILL_LOG_LEVEL", "info"))
    tune_interpreter()
    try:
        asyncio.run(run())
    except (TidemillError, FatalError, AddressInUseError, RuntimeError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
