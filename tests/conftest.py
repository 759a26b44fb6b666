"""What all tests share."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
import structlog

from tests.self_signed import self_signed
from tidemill.testing.servers import (
    KafkaServer,
    PostgresServer,
    S3Server,
    ServerMissingError,
    servers_folder,
)
from tidemill.testing.servers.kafka import QUICK_START

_DATABASES = count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with a slow test come first, so that at the end no process is left alone with one.

    Those of whole processes stay where they are, between the quick ones: side by side, they would wait for
    the same processors.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    slow -= {item.path for item in items if item.get_closest_marker("e2e")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def plain_log_lines() -> None:
    """Log lines without a library's coloured tracebacks, whose drawing takes longer than most tests."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str),
        ]
    )


@contextmanager
def missing_is_told() -> Iterator[None]:
    """Without a server its tests are skipped and say so; where `CI` is set they fail."""
    try:
        yield
    except ServerMissingError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def servers_data() -> Iterator[Path]:
    with servers_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def kafka_certificate() -> tuple[bytes, bytes]:
    """The key and the certificate of the broker for the whole run, in PEM."""
    return self_signed()


@pytest.fixture(scope="session")
def kafka_server(servers_data: Path, kafka_certificate: tuple[bytes, bytes]) -> Iterator[KafkaServer]:
    """A broker for the whole run: for tests that leave it as they found it."""
    key, certificate = kafka_certificate
    server = KafkaServer(servers_data / "kafka", java_options=QUICK_START, certificate=key + certificate)
    with missing_is_told():
        server.start()
    yield server
    server.kill()


@pytest.fixture
def kafka_bootstrap(kafka_server: KafkaServer) -> str:
    """`host:port` of the broker; a test takes topics with names of its own."""
    kafka_server.start()
    return kafka_server.bootstrap


@pytest.fixture(scope="session")
def postgres_server(servers_data: Path) -> Iterator[PostgresServer]:
    """A server for the whole run: for tests that leave it as they found it."""
    server = PostgresServer(servers_data / "postgres")
    with missing_is_told():
        server.start()
    yield server
    server.kill()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a new, empty database, which is dropped after the test."""
    postgres_server.start()
    name = f"test_{next(_DATABASES)}"
    yield postgres_server.create_database(name)
    postgres_server.start()
    postgres_server.drop_database(name)


@pytest.fixture(scope="session")
def s3_server(servers_data: Path) -> Iterator[S3Server]:
    """A server for the whole run: for tests that leave it as they found it."""
    server = S3Server(servers_data / "s3")
    with missing_is_told():
        server.start()
    yield server
    server.kill()


@pytest.fixture
def s3_url(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty place in the server's bucket, for a client that reads its environment."""
    s3_server.start()
    for variable, value in s3_server.environment.items():
        monkeypatch.setenv(variable, value)
    return f"{s3_server.url}/test-{next(_DATABASES)}"
