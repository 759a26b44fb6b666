"""`python -m tidemill.actions.audit [--keys]`: the effect ledger as facts on standard output, read-only.

With `--keys` the rows of the keys on standard input, a JSON array of texts, and nothing else.
"""

import os
import sys
from collections.abc import AsyncIterator
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
from tidemill.auditing.exporting import run_exporter
from tidemill.checking.facts import FORMAT, ActionClass, ActionFact, LedgerHeader
from tidemill.clock import SystemClock

KEYS: Final = "--keys"
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


def main() -> int:
    """The exit code; see `run_exporter`."""
    return run_exporter("actions-audit", _told)


def _told() -> AsyncIterator[ActionFact]:
    settings = load(os.environ)
    if KEYS in sys.argv:
        return tell_of(settings, orjson.loads(sys.stdin.buffer.read()))
    return tell(settings)


if __name__ == "__main__":
    sys.exit(main())
