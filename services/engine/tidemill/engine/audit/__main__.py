"""`python -m tidemill.engine.audit [NAMESPACE]`: what the Engine has stored, as facts on standard output."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from typing import Final

from tidemill.checking import facts
from tidemill.checking.lines import write_fact
from tidemill.clock import SystemClock
from tidemill.engine.audit.executions import Executions
from tidemill.engine.audit.opening import open_audit
from tidemill.engine.audit.shards import Shards
from tidemill.engine.settings import Settings, load
from tidemill.engine.store.retention import RetentionTerms
from tidemill.errors import TidemillError
from tidemill.interpreter import tune_interpreter
from tidemill.storage import StorageUnavailableError
from tidemill.telemetry.logging import configure_logging

UNREADABLE: Final = 2
LINES_A_WRITE: Final = 500


async def tell(settings: Settings, namespace: str) -> AsyncIterator[facts.EngineFact]:
    """All facts, in the order in which the check takes them."""
    now_us = SystemClock().now_us()
    store, log = await open_audit(settings)
    try:
        terms = RetentionTerms(settings.history_retention_us, settings.execution_retention_us)
        rows = await store.shards()
        kept = await store.kept(terms, now_us)
        yield facts.EngineHeader(
            facts.FORMAT,
            len(rows),
            now_us,
            settings.rejection_retention_us,
            settings.lane_seen_us,
            namespace,
            kept.from_us,
            kept.forgets_executions,
        )
        shards = Shards(store, log, len(rows))
        for part in (
            shards.dead_letters(),
            Executions(store, namespace, kept.from_us).tell(),
            shards.tell(),
        ):
            async for fact in part:
                yield fact
    finally:
        await log.close()
        await store.close()


async def export(settings: Settings, namespace: str, write: Callable[[bytes], object]) -> None:
    """Write all facts as lines, and one that says that these were all."""
    count = 0
    lines: list[bytes] = []
    async for fact in tell(settings, namespace):
        count += 1
        lines.append(write_fact(fact))
        if len(lines) == LINES_A_WRITE:
            write(b"".join(lines))
            lines.clear()
    lines.append(write_fact(facts.End(count)))
    write(b"".join(lines))


def main() -> int:
    """The exit code; what cannot be read is one line on standard error."""
    configure_logging("engine-audit", level="warning")
    tune_interpreter()
    namespace = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        asyncio.run(export(load(os.environ), namespace, sys.stdout.buffer.write))
        sys.stdout.buffer.flush()
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


if __name__ == "__main__":
    sys.exit(main())
