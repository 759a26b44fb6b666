"""One batch as one statement: the fence, and what depends on it row by row.

A statement is a transaction of its own: one round trip, one fsync. The fence takes the rows of the shards in
the order of their ids, and moves those whose epoch holds; every other part writes for these shards alone.
That stays right where the fence has to wait: Postgres looks at a row that it locks as it is then.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import asyncpg

from tidemill.engine.store.postgres.lane_parts import LANE_PARTS
from tidemill.engine.store.postgres.parts import EXECUTION_PARTS, Part, Row
from tidemill.engine.store.rows import ShardCommit

if TYPE_CHECKING:
    from tidemill.postgres import Connection

PARTS: Final = (*EXECUTION_PARTS, *LANE_PARTS)
# The slot of a shard is its place among the commits, counted from 0; `held` has a bit for each.
_FENCE: Final = """
WITH fence AS (
  UPDATE shard s
  SET log_offset = c.log_offset, log_ahead = c.log_ahead,
    clock_us = c.clock_us, commit_number = c.commit_number,
    outbox_sequence = greatest(s.outbox_sequence, c.outbox_sequence)
  FROM (
    SELECT g.* FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
      $7::bytea[])
      WITH ORDINALITY AS g (id, epoch, log_offset, clock_us, commit_number, outbox_sequence, log_ahead, place)
      JOIN shard t ON t.id = g.id AND t.epoch = g.epoch
    ORDER BY t.id FOR UPDATE OF t
  ) AS c
  WHERE s.id = c.id AND s.epoch = c.epoch
  RETURNING c.place::int - 1 AS slot
), held AS (
  SELECT bit_or(set_bit($8::varbit, slot, 1)) AS bits FROM fence
)"""
_FENCE_PARAMETERS: Final = 8
_HELD: Final = "get_bit((SELECT bits FROM held), r.slot) = 1"
_SHARD: Final = "($1::int[])[r.slot + 1]"
_CLOCK: Final = "($4::bigint[])[r.slot + 1]"
_STATEMENTS_MAX: Final = 256


async def write_commits(connection: "Connection", commits: Sequence[ShardCommit]) -> set[int]:
    """Write the batch; returns the shards whose epoch still held."""
    if not commits:
        return set()
    shares = [(number, rows) for number, part in enumerate(PARTS) if (rows := part.rows(commits))]
    statement = _statement(tuple(number for number, _ in shares))
    columns: list[Sequence[object]] = [*zip(*map(_fence_row, commits), strict=True)]
    arguments: list[object] = [*columns, asyncpg.BitString.from_int(0, len(commits))]
    for _, rows in shares:
        arguments.extend(zip(*rows, strict=True))
    return {commits[slot].shard for (slot,) in await connection.fetch(statement, *arguments)}


def _fence_row(commit: ShardCommit) -> Row:
    return (
        commit.shard, commit.epoch, commit.log_offset, commit.clock_us, commit.commit_number,
        commit.outbox_sequence, commit.log_ahead,
    )  # fmt: skip


@lru_cache(maxsize=_STATEMENTS_MAX)
def _statement(present: tuple[int, ...]) -> str:
    """The statement with these parts; there are as many as batches have shapes."""
    texts = [_FENCE]
    parameter = _FENCE_PARAMETERS
    for number in present:
        text, parameter = _share(PARTS[number], parameter)
        texts.append(f"part_{number} AS ({text})")
    return ", ".join(texts) + " SELECT slot FROM fence"


def _share(part: Part, parameter: int) -> tuple[str, int]:
    """A part's text, whose parameters come after the given number, and the number of its last one."""
    columns = [column.split() for column in ("slot int", *part.columns.split(", "))]
    arrays = ", ".join(f"${parameter + place}::{kind}[]" for place, (_, kind) in enumerate(columns, 1))
    names = [name for name, _ in columns]
    text = part.sql.format(
        rows=f"unnest({arrays}) AS r ({', '.join(names)})",
        names=", ".join(names[1:]),
        values=", ".join(f"r.{name}" for name in names[1:]),
        held=_HELD,
        shard=_SHARD,
        clock=_CLOCK,
    )
    return text, parameter + len(columns)
