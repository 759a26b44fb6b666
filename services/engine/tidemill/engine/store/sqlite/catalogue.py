"""Published definitions in SQL, and the documents that they name."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from tidemill.engine.store.rows import DefinitionRow
from tidemill.engine.store.sqlite.reads import marks
from tidemill.sqlite import insert_many

_COLUMNS: Final = (
    "namespace, name, version, digest, document, published_at_us, profile, revision, listens, pinned"
)


def publish(
    connection: sqlite3.Connection, row: DefinitionRow, contents: Mapping[str, bytes]
) -> DefinitionRow:
    """Store a version under the next revision, in a transaction; see the port."""
    key = (row.namespace, row.name, row.version)
    query = f"SELECT {_COLUMNS} FROM definition WHERE namespace = ? AND name = ? AND version = ?"
    if (present := connection.execute(query, key).fetchone()) is None:
        connection.execute(
            f"INSERT INTO definition ({_COLUMNS}) "
            "SELECT ?, ?, ?, ?, ?, ?, ?, coalesce(max(revision), 0) + 1, ?, ? FROM definition",
            (*key, row.digest, row.document, row.published_at_us, row.profile, row.listens, row.pinned),
        )
        insert_many(connection, "INSERT OR IGNORE INTO document (digest, content)", [*contents.items()])
        present = connection.execute(query, key).fetchone()
    return DefinitionRow(*present)


def read_definitions(connection: sqlite3.Connection, after_revision: int) -> list[DefinitionRow]:
    """Every version with a later revision, in order of revision."""
    query = f"SELECT {_COLUMNS} FROM definition WHERE revision > ? ORDER BY revision"
    return [DefinitionRow(*row) for row in connection.execute(query, (after_revision,))]


def read_contents(connection: sqlite3.Connection, digests: Sequence[str]) -> dict[str, bytes]:
    """The contents that are stored under these digests."""
    query = f"SELECT digest, content FROM document WHERE digest IN ({marks(digests)})"
    return dict(connection.execute(query, tuple(digests)).fetchall())
