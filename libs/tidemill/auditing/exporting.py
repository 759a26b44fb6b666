"""What every exporter of a service does: its facts to standard output, and its refusals in one line."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from typing import Final

from tidemill.checking.facts import ActionFact, End, EngineFact, LedgerHeader
from tidemill.checking.lines import write_fact
from tidemill.errors import TidemillError
from tidemill.interpreter import tune_interpreter
from tidemill.storage import StorageUnavailableError
from tidemill.telemetry.logging import configure_logging

UNREADABLE: Final = 2
LINES_A_WRITE: Final = 500
Facts = AsyncIterator[EngineFact] | AsyncIterator[ActionFact]


def run_exporter(name: str, tell: Callable[[], Facts]) -> int:
    """Print the facts; the exit code. What cannot be read is one line on standard error."""
    configure_logging(name, level="warning")
    tune_interpreter()
    try:
        asyncio.run(_export(tell()))
    except StorageUnavailableError as error:
        sys.stderr.write(f"the {error.metadata['part']} cannot be read: {error.metadata['detail']}\n")
        return UNREADABLE
    except TidemillError as error:
        sys.stderr.write(f"{error.message}\n")
        return UNREADABLE
    except BrokenPipeError:
        return UNREADABLE  # nobody listens any more
    except Exception as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return UNREADABLE
    return 0


async def _export(told: Facts) -> None:
    """Write facts as lines, and one that says that these were all."""
    count = 0
    lines: list[bytes] = []
    async for fact in told:
        count += 1
        lines.append(write_fact(fact))
        # What the ledger's header says of the moment is waited for.
        if len(lines) == LINES_A_WRITE or isinstance(fact, LedgerHeader):
            _write(lines)
    lines.append(write_fact(End(count)))
    _write(lines)


def _write(lines: list[bytes]) -> None:
    sys.stdout.buffer.write(b"".join(lines))
    sys.stdout.buffer.flush()
    lines.clear()
