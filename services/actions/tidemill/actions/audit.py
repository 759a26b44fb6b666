"""`python -m tidemill.actions.audit [--keys]`: the effect ledger as facts on standard output, read-only.

With `--keys` the rows of the keys on standard input, a JSON array of texts, and nothing else.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from typing import Final

import orjson

from tidemill.action_kit import EffectClass
from tidemill.actions.adapters.builtin import BUILTIN_FUNCTIONS
from tidemill.actions.adapters.discovery import functions_of_modules, installed_functions, without_repeats
from tidemill.actions.adapters.events import EVENTS_PUBLISH
from tidemill.actions.adapters.http.action import HTTP
from tidemill.actions.audit_port import LedgerAudit
from tidemill.actions.ledger.sqlite import FILE_NAME
from tidemill.actions.settings import Settings, load
from tidemill.checking.facts import FORMAT, ActionClass, ActionFact, End, LedgerHeader
from tidemill.checking.lines import write_fact
from tidemill.clock import SystemClock
from tidemill.errors import TidemillError
from tidemill.interpreter import tune_interpreter
from tidemill.storage import StorageUnavailableError
from tidemill.telemetry.logging import configure_logging

UNREADABLE: Final = 2
KEYS: Final = "--keys"
LINES_A_WRITE: Final = 500
# Beside functions there are these two; a test holds them against what the service registers.
BUILT_IN_CLASSES: Final = {HTTP: EffectClass.ONCE, EVENTS_PUBLISH: EffectClass.ONCE}


async def open_audit(settings: Settings) -> LedgerAudit:
    """The ledger that the settings name, as it is now. Raises StorageUnavailableError."""
    # Each brings a library along that the other one does without.
    if settings.ledger_url:
        from tidemill.actions.audit_postgres import LedgerTables

        return await LedgerTables.open(settings.ledger_url)
    from tidemill.actions.audit_files import LedgerFile

    return LedgerFile(settings.data / FILE_NAME)


def classes_of(settings: Settings) -> list[ActionClass]:
    """The effect classes of all actions that a service with these settings knows."""
    functions = without_repeats(
        [*BUILTIN_FUNCTIONS, *installed_functions(), *functions_of_modules(settings.modules)]
    )
    declared = {function.full_name: function.effect_class for function in functions}
    return [
        ActionClass(name, str(effect_class))
        for name, effect_class in sorted((BUILT_IN_CLASSES | declared).items())
    ]


async def tell(settings: Settings) -> AsyncIterator[ActionFact]:
    """All facts, in the order in which the check takes them."""
    now_us = SystemClock().now_us()
    ledger = await open_audit(settings)
    try:
        yield LedgerHeader(FORMAT, now_us, settings.settled_retention_us)
        for known in classes_of(settings):
            yield known
        async for row in ledger.rows():
            yield row
    finally:
        await ledger.close()


async def tell_of(settings: Settings, keys: list[str]) -> AsyncIterator[ActionFact]:
    """The rows of some keys."""
    ledger = await open_audit(settings)
    try:
        async for row in ledger.rows_of(keys):
            yield row
    finally:
        await ledger.close()


async def export(told: AsyncIterator[ActionFact], write: Callable[[bytes], object]) -> None:
    """Write facts as lines, and one that says that these were all."""
    count = 0
    lines: list[bytes] = []
    async for fact in told:
        count += 1
        lines.append(write_fact(fact))
        # What the header says of the moment is waited for.
        if len(lines) == LINES_A_WRITE or isinstance(fact, LedgerHeader):
            write(b"".join(lines))
            lines.clear()
    lines.append(write_fact(End(count)))
    write(b"".join(lines))


def main() -> int:
    """The exit code; what cannot be read is one line on standard error."""
    configure_logging("actions-audit", level="warning")
    tune_interpreter()
    try:
        settings = load(os.environ)
        wants_keys = KEYS in sys.argv
        told = tell_of(settings, orjson.loads(sys.stdin.buffer.read())) if wants_keys else tell(settings)
        asyncio.run(export(told, _write))
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


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
