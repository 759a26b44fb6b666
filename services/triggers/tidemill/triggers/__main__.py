"""`python -m tidemill.triggers`: one Triggers process, set up by TIDEMILL_TRIGGERS_* and ended by SIGTERM."""

import asyncio
import os
import sys

from tidemill.errors import TidemillError
from tidemill.loops import FatalError
from tidemill.rpc import AddressInUseError
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
    """The exit code: 0 after a stop that was asked for, 1 after a refusal or failure, said in one line."""
    configure_logging("triggers", level=os.environ.get("TIDEMILL_LOG_LEVEL", "info"))
    try:
        asyncio.run(run())
    except (TidemillError, FatalError, AddressInUseError, RuntimeError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
