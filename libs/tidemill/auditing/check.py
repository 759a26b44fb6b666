"""One check from start to end: the ledger's moment, then that of store and log, then a last look."""

import itertools
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tidemill.auditing.exporters import ACTIONS, ENGINE, Exporter, ask_for_keys
from tidemill.checking.audit import Audit
from tidemill.checking.expected import Expectations
from tidemill.checking.facts import Fact
from tidemill.checking.report import Report


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """What to check: one namespace or all, against expectations, with the ledger or without."""

    namespace: str = ""
    expected: Expectations | None = None
    with_ledger: bool = True


def check(environment: Mapping[str, str], options: CheckOptions | None = None) -> Report:
    """Check what the environment's settings name, also while the services run. Raises UnreadableError."""
    options = options or CheckOptions()
    begun = time.perf_counter()
    audit = Audit(options.expected)
    with ExitStack() as stack:
        # Whatever the ledger has at its moment, history has asked for by its own, later one.
        actions = _begin(stack.enter_context(Exporter(ACTIONS, environment))) if options.with_ledger else None
        namespace = [options.namespace] if options.namespace else []
        engine = stack.enter_context(Exporter(ENGINE, environment, namespace))
        audit.run(engine.facts(), actions)
    if doubts := audit.doubts():
        # And what history has by its moment, the ledger has now.
        audit.settle(ask_for_keys(environment, doubts))
    return audit.report(seconds=time.perf_counter() - begun)


def _begin(exporter: Exporter) -> Iterator[Fact]:
    """The exporter's facts, once it has told the first: then its moment has come."""
    facts = exporter.facts()
    return itertools.chain([next(facts)], facts)


def environment_of(data: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    """The environment of a stack whose files are below one directory."""
    servers = (
        "TIDEMILL_ENGINE_STORE_URL",
        "TIDEMILL_ENGINE_LOG_URL",
        "TIDEMILL_ENGINE_BLOBS",
        "TIDEMILL_ACTIONS_LEDGER_URL",
    )
    return {
        **{name: value for name, value in inherited.items() if name not in servers},
        "TIDEMILL_ENGINE_DATA": str(data / "engine"),
        "TIDEMILL_ACTIONS_DATA": str(data / "actions"),
    }
