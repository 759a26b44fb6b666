"""`migrate`: makes the services' tables in Postgres, or brings them up to date."""

from typing import Final

from tidemill.cli.failures import USAGE, CommandError
from tidemill.cli.output import print_line

# The variable that names a service's database, and the module that migrates it.
_SERVICES: Final = (
    ("TIDEMILL_ENGINE_STORE_URL", "tidemill.engine.migrate"),
    ("TIDEMILL_ACTIONS_LEDGER_URL", "tidemill.actions.migrate"),
)


def migrate() -> None:
    """Make the tables in Postgres, or bring them up to date.

    Those of the Engine where TIDEMILL_ENGINE_STORE_URL names a database, with as many shards as
    TIDEMILL_ENGINE_SHARDS says; those of the Action service where TIDEMILL_ACTIONS_LEDGER_URL does. Steps go
    forward only. Several at once wait for each other; tables that are up to date are left alone. Services
    start on nothing else.
    """
    import os

    from tidemill.cli.service_modules import run_module

    wanted = [module for variable, module in _SERVICES if os.environ.get(variable)]
    if not wanted:
        names = " and ".join(variable for variable, _ in _SERVICES)
        raise CommandError(f"nothing to do: {names} name no database", exit_code=USAGE)
    for module in wanted:
        print_line(run_module(module))
