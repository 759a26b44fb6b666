"""What tests of ports share."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.contract.store_databases import empty_store_tables, make_store_tables
from tests.contract.store_suite import SHARDS
from tidemill.engine.store.postgres.store import PostgresStore, open_store
from tidemill.testing.servers import PostgresServer


@pytest.fixture(scope="session")
def store_database(postgres_server: PostgresServer) -> str:
    """The URL of a database with the Engine's tables, for one test after the other."""
    postgres_server.start()
    url = postgres_server.create_database("store")
    asyncio.run(make_store_tables(url))
    return url


@pytest.fixture
async def store_url(store_database: str, postgres_server: PostgresServer) -> str:
    """The URL of a database with empty tables for SHARDS shards."""
    postgres_server.start()
    await empty_store_tables(store_database)
    return store_database


@pytest.fixture
async def postgres_store(store_url: str) -> AsyncIterator[PostgresStore]:
    """The Engine's store in Postgres, empty."""
    store = await open_store(store_url, SHARDS)
    yield store
    await store.close()


@pytest.fixture(scope="session")
def trusted_authorities() -> ssl.SSLContext:
    """The authorities that HTTP clients trust."""
    return httpx.create_ssl_context()


@pytest.fixture(scope="module")
def loaded_certificates(trusted_authorities: ssl.SSLContext) -> Iterator[None]:
    """HTTP clients find them loaded: that takes a good part of a second, and most of a test's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpx, "create_ssl_context", lambda: trusted_authorities)
        yield
