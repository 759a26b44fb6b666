"""A Postgres server for tests, on a free loopback port, which syncs each commit to the disk."""

import os
import pwd
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tidemill.stack.ports import free_ports
from tidemill.testing.servers.binaries import postgres_binaries
from tidemill.testing.servers.process import (
    Account,
    Program,
    ServerFailedError,
    ServerMissingError,
    ServerProcess,
    launched,
)
from tidemill.testing.servers.server import Server

HOST: Final = "127.0.0.1"
CONNECTIONS_MAX: Final = 200
DEFAULT_USER: Final = "tidemill"
# Any password is right: the server trusts the loopback address.
DEFAULT_PASSWORD: Final = "tidemill"
COMMAND_SECONDS_MAX: Final = 30.0
# Postgres refuses to run as root; the first of these that the machine knows runs it instead.
_UNPRIVILEGED: Final = ("postgres", "nobody")
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")

_OPTIONS: Final = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": str(CONNECTIONS_MAX),
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",
}


class PostgresServer(Server):
    """A server whose address and data outlive each of its processes.

    `folder` is its own; the port is chosen once; `options` are settings of Postgres over those of tests.
    Entering the context starts it, leaving it stops it.
    """

    start_seconds_max = 30.0
    stop_grace_seconds = 15.0

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        user: str = DEFAULT_USER,
        options: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self._options = {**_OPTIONS, **(options or {})}
        self.port = free_ports(1, host=HOST)[0] if port is None else port
        self.user = user
        self._bin: Path | None = None

    def url(self, database: str = "postgres", *, password: str = DEFAULT_PASSWORD) -> str:
        """`postgresql://user:password@host:port/database`."""
        return f"postgresql://{self.user}:{password}@{HOST}:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Create an empty database, and return its URL."""
        self.execute(f"CREATE DATABASE {_checked(name)}")
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database if it is there, and end whoever is still connected to it."""
        self.execute(f"DROP DATABASE IF EXISTS {_checked(name)} WITH (FORCE)")

    @property
    def is_new(self) -> bool:
        """Whether it was never started: it has no data yet."""
        return not (self.folder / "data" / "PG_VERSION").exists()

    def execute(self, statement: str, *, database: str = "postgres") -> str:
        """Run one statement through psql and return what it prints; raises ServerFailedError."""
        command = [*self._client("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database]
        done = _run([*command, "-c", statement])
        if done.returncode != 0:
            raise ServerFailedError(f"Postgres refused {statement!r}: {done.stderr.strip()}")
        return done.stdout.strip()

    def _prepare(self) -> ServerProcess:
        account = _account()
        data = self.folder / "data"
        self._bin = self._initialised(data, account)
        options = [f"--{name}={value}" for name, value in self._options.items()]
        program = Program(
            name="Postgres",
            command=[str(self._bin / "postgres"), "-D", str(data), "-p", str(self.port), *options],
            log=self.folder / "postgres.log",
            cwd=data,
            # Fast shutdown and, for an orphan, immediate shutdown.
            stop_signal=signal.SIGINT,
            orphan_signal=signal.SIGQUIT,
            host=HOST,
            port=self.port,
            account=account,
        )
        return ServerProcess(program)

    def _initialised(self, data: Path, account: Account | None) -> Path:
        """Make the cluster if there is none yet, and return the folder of the programs to run."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if account is not None:
            _check_passage(self.folder)
        programs = postgres_binaries(self.folder, foreign_user=account is not None)
        if not (data / "PG_VERSION").exists():
            data.mkdir(mode=0o700, exist_ok=True)
            if account is not None:
                os.chown(data, account.user, account.group)
            _initialise(programs, data, user=self.user, account=account)
        return programs

    def _client(self, program: str) -> list[str]:
        self._prepared()
        assert self._bin is not None, "a prepared server knows its programs"
        return [str(self._bin / program), "-h", HOST, "-p", str(self.port), "-U", self.user]

    def _answers(self) -> bool:
        return _run([*self._client("pg_isready"), "-q", "-d", "postgres", "-t", "2"]).returncode == 0


def _initialise(programs: Path, data: Path, *, user: str, account: Account | None) -> None:
    command = [str(programs / "initdb"), "-D", str(data), "-U", user, "--auth=trust"]
    # The cluster itself is not synced: only what is written later must outlive a crash of the server.
    command += ["--encoding=UTF8", "--no-locale", "--no-sync"]
    done = _run(launched(command, account=account, orphan_signal=signal.SIGKILL), cwd=data)
    if done.returncode != 0:
        shutil.rmtree(data, ignore_errors=True)
        raise ServerFailedError(f"initdb failed: {(done.stderr or done.stdout).strip()}")


def _run(command: list[str], *, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_SECONDS_MAX,
    )


def _account() -> Account | None:
    """Whom to run as: nobody else, unless we are root."""
    if os.geteuid() != 0:
        return None
    for name in _UNPRIVILEGED:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(found.pw_uid, found.pw_gid)
    raise ServerMissingError(
        f"Postgres does not run as root, and there is no user {' or '.join(_UNPRIVILEGED)}"
    )


def _check_passage(folder: Path) -> None:
    for level in (folder, *folder.resolve().parents):
        if not level.stat().st_mode & 0o001:
            raise ServerFailedError(f"Postgres runs as another user, who may not enter {level}")


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no plain database name")
    return name
