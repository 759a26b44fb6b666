"""`python -m tidemill.engine`: one Engine process, set up by TIDEMILL_ENGINE_* and ended by SIGTERM."""

import os
import sys

from tidemill.core_build import core_build
from tidemill.engine.app import build
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.settings import load
from tidemill.interpreter import tune_interpreter
from tidemill.supervision import run_to_exit_code
from tidemill.telemetry.logging import configure_logging, get_logger
from tidemill.telemetry.metrics import Metrics
from tidemill.telemetry.tracing import configure_tracing


async def run() -> None:
    """Serve until asked to stop."""
    settings = load(os.environ)
    get_logger(__name__).info("starting", core=core_build())
    tracing = configure_tracing("engine", os.environ)
    metrics = Metrics()
    if settings.metrics_port:
        metrics.serve(settings.metrics_port, settings.metrics_host)
    try:
        engine = await build(Environment(settings=settings, metrics=metrics, tracing=tracing))
        await engine.start()
        await engine.serve()
    finally:
        tracing.shutdown()


def main() -> int:
    """The exit code; see `run_to_exit_code`."""
    configure_logging("engine", level=os.environ.get("TIDEMILL_LOG_LEVEL", "info"))
    tune_interpreter()
    return run_to_exit_code(run())


if __name__ == "__main__":
    sys.exit(main())
