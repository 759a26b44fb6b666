"""The tables of `state.db` by version: steps that only go forward, the files of `migrations/sqlite/`."""

import sqlite3
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final

from tidemill.storage import StorageUnavailableError, StoreTooNewError

_PART: Final = "store"
# What the first release wrote before it numbered its tables.
_UNNUMBERED_VERSION: Final = 1


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the file's tables to this release's version in one transaction.

    Raises StoreTooNewError, or StorageUnavailableError where the file or the disk refuses; then the file is
    as it was.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            _migrate(connection, path)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    except sqlite3.Error as error:
        raise StorageUnavailableError(_PART, f"{path.name}: {error}") from error


def steps() -> list[str]:
    """The steps in order: the first makes the tables of version 1, and so on."""
    folder = files("tidemill.engine.store").joinpath("migrations", "sqlite")
    found = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda e: e.name)
    return [entry.read_text() for entry in found]


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    known = steps()
    version = _version(connection)
    if version > len(known):
        raise StoreTooNewError(_PART, path.name, found=version, known=len(known))
    for step in known[version:]:
        for statement in _statements(step):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(known)}")


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0 and connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
        return _UNNUMBERED_VERSION
    return int(version)


def _statements(script: str) -> Iterator[str]:
    """The statements of a script one by one: run as a script, they would end the open transaction."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
