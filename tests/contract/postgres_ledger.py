"""Ledgers in Postgres for tests: each a replica of its own on one database."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from tidemill.actions.core.decision import Claim
from tidemill.actions.ledger.port import ClaimAnswer, Granted
from tidemill.actions.ledger.postgres import (
    PostgresLedger,
    PostgresReplicas,
    ledger_options,
    migrate_ledger,
    open_ledger,
)
from tidemill.postgres import Postgres

LEASE_US = 60_000_000


class JoinedLedger(PostgresLedger):
    """A ledger whose claims carry the lease of its replica, or of those that claim through it in turn."""

    def __init__(self, postgres: Postgres, lease_us: int) -> None:
        super().__init__(postgres)
        self.postgres = postgres
        self.replicas = PostgresReplicas(postgres, lease_us)
        self.holder = 0
        self.holders: list[int] = []

    async def claim(self, claims: Sequence[Claim], now_us: int) -> list[ClaimAnswer]:
        holders = self.holders or [self.holder]
        return await super().claim(
            [replace(one, holder=holders[one.token % len(holders)]) for one in claims], now_us
        )

    async def granted(self, claims: Sequence[Claim], now_us: int) -> list[Claim]:
        """Claim, and answer the claims that were granted."""
        answers = await self.claim(claims, now_us)
        return [one for one, answer in zip(claims, answers, strict=True) if isinstance(answer, Granted)]


@asynccontextmanager
async def joined_ledger(url: str, *, lease_us: int = LEASE_US) -> AsyncIterator[JoinedLedger]:
    """A replica's ledger for as long as the block runs; makes the tables where there are none."""
    await migrate_ledger(url)
    ledger = JoinedLedger(await open_ledger(url, ledger_options(2, LEASE_US)), lease_us)
    try:
        ledger.holder = await ledger.replicas.join("test")
        yield ledger
    finally:
        await ledger.close()
