"""The ledger in Postgres, which any number of replicas share, and the leases by which they live."""

from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from tidemill.actions.core.decision import Claim, Row
from tidemill.actions.core.model import Cancellation, Outcome
from tidemill.actions.ledger import postgres_claims, postgres_rows
from tidemill.actions.ledger.port import ClaimAnswer, Record
from tidemill.actions.ledger.rows import outcome_columns
from tidemill.postgres import Postgres, PostgresOptions, open_postgres
from tidemill.postgres_migration import check_version, migrate, numbered_steps

if TYPE_CHECKING:
    from tidemill.postgres import Connection

PART: Final = "effect ledger"
COMPONENT: Final = "actions"
# Plans that fit however many rows there are: what was planned on an empty table is kept.
_PLANS: Final = (
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("plan_cache_mode", "force_generic_plan"),
)
_JOIN: Final = (
    "INSERT INTO replica (name, lease_until) "
    "VALUES ($1, clock_timestamp() + $2 * interval '1 microsecond') RETURNING token"
)
_RENEW: Final = (
    "UPDATE replica SET lease_until = clock_timestamp() + $2 * interval '1 microsecond' "
    "WHERE token = $1 AND lease_until > clock_timestamp()"
)
# Whose lease ran out is as dead without its row.
_FORGET: Final = "DELETE FROM replica WHERE lease_until < clock_timestamp() - interval '1 hour'"


def ledger_options(connections_max: int, lease_us: int) -> PostgresOptions:
    """The pool's options: a replica paused inside a transaction holds others up for a lease at most."""
    idle = ("idle_in_transaction_session_timeout", f"{max(lease_us // 1000, 1)}ms")
    return PostgresOptions(
        application="tidemill-actions", connections_max=connections_max, session=(*_PLANS, idle)
    )


def lease_options(lease_us: int) -> PostgresOptions:
    """The options of the one connection that renews a lease: it waits behind no claim, and not for long."""
    return PostgresOptions(
        application="tidemill-actions-lease", connections_max=1, command_timeout_us=lease_us
    )


async def open_ledger(url: str, options: PostgresOptions) -> Postgres:
    """The database of a ledger. Raises StorageUnavailableError, StoreTooOldError and StoreTooNewError."""
    postgres = await open_postgres(url, part=PART, options=options)
    try:
        await check_version(postgres, COMPONENT, len(_steps()))
    except BaseException:
        await postgres.close()
        raise
    return postgres


async def migrate_ledger(url: str) -> int:
    """Bring the tables up to date; returns how many steps were taken. Raises what `migrate` raises."""
    postgres = await open_postgres(url, part=PART)
    try:
        return await migrate(postgres, COMPONENT, _steps())
    finally:
        await postgres.close()


def _steps() -> list[str]:
    return numbered_steps(files("tidemill.actions.ledger") / "migrations" / "postgres")


class PostgresLedger:
    """The ledger of all replicas that name this database. Each method is one transaction."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def claim(self, claims: Sequence[Claim], now_us: int) -> list[ClaimAnswer]:
        return await self._postgres.transact(lambda c: postgres_claims.claim(c, claims, now_us))

    async def record(self, records: Sequence[Record]) -> list[Outcome | None]:
        return await self._postgres.transact(lambda c: _record(c, records))

    async def release(self, holds: Sequence[tuple[int, Claim]]) -> None:
        claims = [claim for _, claim in holds]
        hashes = [postgres_rows.hash_of(claim.key) for claim in claims]
        attempts, tokens = [claim.attempt for claim in claims], [claim.token for claim in claims]
        await self._postgres.run(lambda c: c.execute(postgres_rows.RELEASE, hashes, attempts, tokens))

    async def cancel(self, cancellations: Sequence[Cancellation], now_us: int) -> list[Outcome | None]:
        return await self._postgres.transact(lambda c: postgres_claims.cancel(c, cancellations, now_us))

    async def lookup(self, key: str) -> list[Row]:
        key_hash = postgres_rows.hash_of(key)
        rows = await self._postgres.run(lambda c: postgres_rows.read_rows(c, [key_hash]))
        return rows.get(key_hash, [])

    async def settle(self, keys: Sequence[str], now_us: int) -> None:
        hashes = sorted({postgres_rows.hash_of(key) for key in keys})
        await self._postgres.run(lambda c: c.execute(postgres_rows.SETTLE, hashes, now_us))

    async def expire(self, settled_before_us: int, rows_max: int) -> int:
        status = await self._postgres.run(
            lambda c: c.execute(postgres_rows.EXPIRE, settled_before_us, rows_max)
        )
        return postgres_rows.written(status)

    async def close(self) -> None:
        await self._postgres.close()


async def _record(connection: "Connection", records: Sequence[Record]) -> list[Outcome | None]:
    hashes = {one.claim.key: postgres_rows.hash_of(one.claim.key) for one in records}
    ordered = sorted(records, key=lambda one: hashes[one.claim.key])
    held = [one for one in ordered if one.hold]
    written = 0
    for part in postgres_rows.parts(held):
        status = await connection.execute(postgres_rows.RECORD, *_columns(part, hashes))
        written += postgres_rows.written(status)
    if written == len(records):
        return [one.outcome for one in records]
    for part in postgres_rows.parts(ordered):
        keys, digests = [one.claim.key for one in part], [one.claim.digest for one in part]
        await connection.execute(postgres_rows.INSERT_RECORDED, *_columns(part, hashes), keys, digests)
    found = await postgres_rows.read_rows(connection, list(hashes.values()))
    standing = {(key, row.attempt): row.outcome for key, rows in found.items() for row in rows}
    return [standing[hashes[one.claim.key], one.claim.attempt] for one in records]


def _columns(records: Sequence[Record], hashes: dict[str, bytes]) -> list[list[object]]:
    rows = [
        (hashes[one.claim.key], one.claim.attempt, one.claim.token, *outcome_columns(one.outcome))
        for one in records
    ]
    return [list(column) for column in zip(*rows, strict=True)]


class PostgresReplicas:
    """Leases of replicas, by the server's clock."""

    def __init__(self, postgres: Postgres, lease_us: int) -> None:
        self._postgres = postgres
        self._lease_us = lease_us

    async def join(self, name: str) -> int:
        return await self._postgres.transact(lambda c: self._join(c, name))

    async def _join(self, connection: "Connection", name: str) -> int:
        await connection.execute(_FORGET)
        token: int = await connection.fetchval(_JOIN, name, float(self._lease_us))
        return token

    async def renew(self, token: int) -> bool:
        lease_us = float(self._lease_us)
        status = await self._postgres.run(lambda c: c.execute(_RENEW, token, lease_us))
        return postgres_rows.written(status) == 1

    async def leave(self, token: int) -> None:
        await self._postgres.run(lambda c: c.execute("DELETE FROM replica WHERE token = $1", token))
