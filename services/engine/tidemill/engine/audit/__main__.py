"""`python -m tidemill.engine.audit [NAMESPACE]`: what the Engine has stored, as facts on standard output."""

import os
import sys
from collections.abc import AsyncIterator

from tidemill.auditing.exporting import run_exporter
from tidemill.blobs.claim_check import ClaimCheck
from tidemill.blobs.opening import open_blobs
from tidemill.checking import facts
from tidemill.clock import SystemClock
from tidemill.engine.audit.executions import Executions
from tidemill.engine.audit.opening import open_audit
from tidemill.engine.audit.shards import Shards
from tidemill.engine.settings import Settings, load
from tidemill.engine.store.retention import RetentionTerms


async def tell(settings: Settings, namespace: str) -> AsyncIterator[facts.EngineFact]:
    """All facts, in the order in which the check takes them."""
    now_us = SystemClock().now_us()
    store, log = await open_audit(settings)
    blobs = open_blobs(settings.blobs, settings.data)
    check = ClaimCheck(blobs, bytes_max=settings.payload_inline_bytes_max)
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
            Executions(store, check, namespace, kept.from_us).tell(),
            shards.tell(),
        ):
            async for fact in part:
                yield fact
    finally:
        await blobs.close()
        await log.close()
        await store.close()


def main() -> int:
    """The exit code; see `run_exporter`."""
    namespace = sys.argv[1] if len(sys.argv) > 1 else ""
    return run_exporter("engine-audit", lambda: tell(load(os.environ), namespace))


if __name__ == "__main__":
    sys.exit(main())
