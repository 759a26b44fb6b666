"""Published definitions in Postgres, and the documents that they name."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from tidemill.engine.store.rows import DefinitionRow

if TYPE_CHECKING:
    from tidemill.postgres import Connection

_COLUMNS: Final = (
    "namespace, name, version, digest, document, published_at_us, profile, revision, listens, pinned"
)
_STORE_CONTENTS: Final = (
    "INSERT INTO document (digest, content) SELECT * FROM unnest($1::text[], $2::bytea[]) "
    "ON CONFLICT (digest) DO NOTHING"
)


async def publish(
    connection: "Connection", row: DefinitionRow, contents: Mapping[str, bytes]
) -> DefinitionRow:
    """Store a version under the next revision, in a transaction; see the port."""
    # One at a time, so that revisions have no gap and are seen in order.
    await connection.execute("LOCK TABLE definition IN SHARE ROW EXCLUSIVE MODE")
    key = (row.namespace, row.name, row.version)
    query = f"SELECT {_COLUMNS} FROM definition WHERE namespace = $1 AND name = $2 AND version = $3"
    present = await connection.fetchrow(query, *key)
    if present is None:
        present = await connection.fetchrow(
            f"INSERT INTO definition ({_COLUMNS}) "
            "SELECT $1, $2, $3, $4, $5, $6, $7, coalesce(max(revision), 0) + 1, $8, $9 FROM definition "
            f"RETURNING {_COLUMNS}",
            *key, row.digest, row.document, row.published_at_us, row.profile, row.listens,
            row.pinned,
        )  # fmt: skip
        if contents:
            await connection.execute(_STORE_CONTENTS, [*contents], [*contents.values()])
    assert present is not None
    return DefinitionRow(*present)


async def read_definitions(connection: "Connection", after_revision: int) -> list[DefinitionRow]:
    """Every version with a later revision, in order of revision."""
    query = f"SELECT {_COLUMNS} FROM definition WHERE revision > $1 ORDER BY revision"
    return [DefinitionRow(*row) for row in await connection.fetch(query, after_revision)]


async def read_contents(connection: "Connection", digests: Sequence[str]) -> dict[str, bytes]:
    """The contents that are stored under these digests."""
    query = "SELECT digest, content FROM document WHERE digest = ANY($1::text[])"
    rows = await connection.fetch(query, [*digests])
    return {row["digest"]: row["content"] for row in rows}
