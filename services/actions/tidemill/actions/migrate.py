"""`python -m tidemill.actions.migrate`: brings the ledger's tables in Postgres up to date."""

import os
import sys

from tidemill.actions.ledger.postgres import migrate_ledger
from tidemill.actions.settings import LEDGER_VARIABLE, load
from tidemill.supervision import run_to_exit_code
from tidemill.telemetry.logging import configure_logging


async def run() -> None:
    """Take the steps that are missing, and say how many there were."""
    url = load(os.environ).ledger_url
    if not url:
        sys.stdout.write(f"{LEDGER_VARIABLE} is not set: the ledger is a file, and has no steps\n")
        return
    sys.stdout.write(f"ledger: {await migrate_ledger(url)} steps taken\n")


def main() -> int:
    """The exit code; see `run_to_exit_code`."""
    configure_logging("actions", level=os.environ.get("TIDEMILL_LOG_LEVEL", "info"))
    return run_to_exit_code(run(), ValueError)


if __name__ == "__main__":
    sys.exit(main())
