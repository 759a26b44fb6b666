"""Opens what the settings name, read-only."""

from tidemill.engine.audit.log_files import LogFiles
from tidemill.engine.audit.port import AuditLog, AuditStore
from tidemill.engine.settings import Settings


async def open_audit(settings: Settings) -> tuple[AuditStore, AuditLog]:
    """The store as it is now, then the log, which so holds all that the store has applied.

    Raises StorageUnavailableError, and InvalidRequestError for URLs that are none.
    """
    store = await _open_store(settings)
    try:
        return store, await _open_log(settings)
    except BaseException:
        await store.close()
        raise


async def _open_store(settings: Settings) -> AuditStore:
    # Each brings a library along that the other one does without.
    if settings.store_url:
        from tidemill.engine.store.postgres.audit import PostgresAudit

        return await PostgresAudit.open(settings.store_url)
    from tidemill.engine.store.sqlite.audit import SqliteAudit

    return SqliteAudit(settings.data / "state.db")


async def _open_log(settings: Settings) -> AuditLog:
    if settings.log_url:
        from tidemill.engine.audit.log_kafka import LogTopic

        return await LogTopic.open(settings)
    return LogFiles(settings.data / "log.db")
