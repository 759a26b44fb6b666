"""`python -m tidemill.engine`: one Engine process, set up by TIDEMILL_ENGINE_* and ended by SIGTERM."""

import asyncio
import os
import sys

from tidemill.engine.app import build
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.settings import load
from tidemill.errors import TidemillError
from tidemill.interpreter import tune_interpreter
from tidemill.loops import FatalError
from tidemill.rpc.server import AddressInUseError
from tidemill.telemetry.logging import configure_logging
from tidemill.telemetry.metrics import Metrics
from tidemill.telemetry.tracing import configure_tracing


async def run() -> None:
    """Serve until asked to stop."""
    settings = load(os.environ)
    tracing = configure_tracing("engine", os.environ)
    metrics = Metrics()
    if settings.metrics_port:
        metrics.serve(settings.metrics_port)
    try:
        engine = build(Environment(settings=settings, metrics=metrics, tracing=tracing))
        await engine.start()
        await engine.serve()
    finally:
        tracing.shutdown()


def main() -> int:
    """The exit code: 0 after a stop that was asked for, 1 after a refusal or failure, said in one line."""
    configure_logging("engine", level=os.environ.get("TIDEMILL_LOG_LEVEL", "info"))
    tune_interpreter()
    try:
        asyncio.run(run())
    except (TidemillError, FatalError, AddressInUseError, RuntimeError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
