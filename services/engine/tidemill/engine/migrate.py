"""`python -m tidemill.engine.migrate`: makes the store's tables in Postgres, or brings them up to date."""

import os
import sys
from dataclasses import replace
from typing import Final

from tidemill.clock import Clock, SystemClock
from tidemill.engine.settings import STORE_VARIABLE, Settings, load
from tidemill.engine.storage import store_options
from tidemill.engine.store.postgres.retention import prepare_history
from tidemill.engine.store.postgres.tables import PART, make_tables
from tidemill.postgres import open_postgres
from tidemill.supervision import run_to_exit_code
from tidemill.telemetry.logging import configure_logging

# A step may write a large table anew.
STEP_TIMEOUT_US: Final = 86_400_000_000


async def migrate_store(settings: Settings, clock: Clock | None = None) -> int:
    """Take the steps that are missing, and have partitions for what comes; returns how many steps there were.

    Raises StorageUnavailableError, StoreTooNewError, and InvalidRequestError for another number of shards.
    """
    options = replace(store_options(settings), connections_max=1, command_timeout_us=STEP_TIMEOUT_US)
    postgres = await open_postgres(settings.store_url, part=PART, options=options)
    now_us = (clock or SystemClock()).now_us()
    try:
        taken = await make_tables(postgres, settings.shards)
        # Before the first commit: what is in no partition stays there.
        await postgres.transact(
            lambda connection: prepare_history(connection, now_us, settings.history_partition_us)
        )
        return taken
    finally:
        await postgres.close()


async def run() -> None:
    """Migrate, and say what was done."""
    settings = load(os.environ)
    if not settings.store_url:
        sys.stdout.write(f"{STORE_VARIABLE} is not set: a store in files is brought up to date at start\n")
        return
    taken = await migrate_store(settings)
    sys.stdout.write(f"store: {taken} steps taken, {settings.shards} shards\n")


def main() -> int:
    """The exit code; see `run_to_exit_code`."""
    configure_logging("engine", level=os.environ.get("TIDEMILL_LOG_LEVEL", "info"))
    return run_to_exit_code(run())


if __name__ == "__main__":
    sys.exit(main())
