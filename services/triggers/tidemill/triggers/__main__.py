"""Starts the Triggers service: `python -m tidemill.triggers`, set up by TIDEMILL_TRIGGERS_* variables."""

import asyncio
import os
import sys

from tidemill.errors import TidemillError
from tidemill.rpc import AddressInUseError
from tidemill.telemetry.logging import configure_logging, get_logger
from tidemill.telemetry.tracing import configure_tracing
from tidemill.triggers.app import Surroundings, build
from tidemill.triggers.settings import load

SERVICE = "triggers"
_log = get_logger(__name__)


def main() -> int:
    """Run until a signal; returns the exit code."""
    configure_logging(SERVICE)
    try:
        asyncio.run(_run())
    except (AddressInUseError, TidemillError) as error:
        _log.error("cannot run", error=str(error))
        return 1
    return 0


async def _run() -> None:
    tracing = configure_tracing(SERVICE, os.environ)
    try:
        await build(load(os.environ), Surroundings(tracing=tracing)).run()
    finally:
        tracing.shutdown()


if __name__ == "__main__":
    sys.exit(main())
