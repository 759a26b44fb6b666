"""`accept-log`: has shards that were halted go on with the command log as it is."""

from typing import Annotated

import typer

from tidemill.cli.output import print_line


def accept_log(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do it, instead of telling what would be done.")] = False,
) -> None:
    """Have halted shards go on with the command log as it is.

    A shard is halted when its place in the log is gone: records were deleted that it had not applied, or the
    log was made anew. Tells where each would go on and what is lost by that; does it with --yes. Reads
    TIDEMILL_ENGINE_STORE_URL, TIDEMILL_ENGINE_LOG_URL and TIDEMILL_ENGINE_SHARDS, as the Engine does.
    """
    from tidemill.cli.service_modules import run_module

    print_line(run_module("tidemill.engine.accept_log", *(["--yes"] if yes else [])))
