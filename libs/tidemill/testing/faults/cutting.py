"""Ends connections of Postgres's clients, in the middle of a COMMIT where one can be caught."""

import time
from typing import Final

import asyncpg

_TRY_SECONDS: Final = 3.0
# Those that write a commit to the disk, whose client has not had its answer.
_IN_COMMIT: Final = """
    select pg_terminate_backend(pid) from pg_stat_activity
    where pid in (
        select pid from pg_stat_activity
        where datname = any($1::text[]) and pid <> pg_backend_pid() and backend_type = 'client backend'
          and state = 'active' and (query ilike 'commit%' or wait_event ilike 'wal%')
        limit 1
    )
"""
_ANY: Final = """
    select pg_terminate_backend(pid) from pg_stat_activity
    where pid in (
        select pid from pg_stat_activity
        where datname = any($1::text[]) and pid <> pg_backend_pid() and backend_type = 'client backend'
        order by random() limit 1
    )
"""


async def cut_connection(url: str, databases: list[str]) -> bool:
    """End one connection to one of the databases; whether it was in the middle of a COMMIT.

    Raises what asyncpg raises when the server is away.
    """
    connection = await asyncpg.connect(url, timeout=_TRY_SECONDS)
    try:
        ends = time.monotonic() + _TRY_SECONDS
        while time.monotonic() < ends:
            if await connection.fetch(_IN_COMMIT, databases):
                return True
        await connection.fetch(_ANY, databases)
        return False
    finally:
        await connection.close(timeout=_TRY_SECONDS)
