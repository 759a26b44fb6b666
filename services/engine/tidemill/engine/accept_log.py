"""`python -m tidemill.engine.accept_log`: halted shards go on with the log as it is; says what is lost."""

import argparse
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tidemill.applied_offsets import AppliedOffsets
from tidemill.engine.log.port import Extent
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.settings import load
from tidemill.engine.storage import Storage, open_storage
from tidemill.engine.store.rows import ShardRow
from tidemill.supervision import run_to_exit_code


@dataclass(frozen=True, slots=True)
class Place:
    """Where a shard stands, and where it goes on in the log as it is."""

    shard: int
    applied: AppliedOffsets
    goes_on: AppliedOffsets
    extent: Extent

    def __str__(self) -> str:
        told = (
            f"shard {self.shard}: has applied up to {self.applied.next}{_ahead(self.applied)}, the log holds "
            f"{self.extent.first} up to {self.extent.next}: goes on at {self.goes_on.next}"
        )
        if self.goes_on.next > self.applied.next:
            lost = self.applied.count_missing(self.goes_on.next)
            return f"{told}, and {lost} commands in between are lost"
        return f"{told}; what clients read at positions of the former log means nothing any more"


def _ahead(applied: AppliedOffsets) -> str:
    return f" and {applied.count_ahead()} behind" if applied.ahead else ""


def places(rows: Iterable[ShardRow], extents: Mapping[int, Extent], *, same_log: bool) -> list[Place]:
    """The shards that cannot go on by themselves. In another log an offset of the former means nothing."""
    found = []
    for row in rows:
        extent = extents[row.shard]
        if not same_log:
            found.append(Place(row.shard, row.applied, AppliedOffsets(extent.first), extent))
        elif not row.applied.fits(extent.first, extent.next):
            goes_on = row.applied.within(extent.first, extent.next)
            found.append(Place(row.shard, row.applied, goes_on, extent))
    return found


async def accept(storage: Storage, *, confirmed: bool) -> list[Place]:
    """The shards that have no place in the log; when `confirmed` they go on, and their owners begin anew."""
    identity = await storage.log.identity()
    same_log = await storage.store.claim_log(identity) == identity if identity else True
    found = places(await storage.store.shards(), await storage.log.extents(), same_log=same_log)
    if confirmed and found:
        await storage.store.rebind_log(identity, {place.shard: place.goes_on for place in found})
    return found


async def run(*, confirmed: bool) -> None:
    """Print what would be done, and do it when `confirmed`."""
    storage = await open_storage(Environment(settings=load(os.environ)))
    try:
        found = await accept(storage, confirmed=confirmed)
    finally:
        await storage.close()
    for place in found:
        sys.stdout.write(f"{place}\n")
    sys.stdout.write(f"{_closing(found, confirmed=confirmed)}\n")


def _closing(found: Sequence[Place], *, confirmed: bool) -> str:
    if not found:
        return "every shard has its place in the log: nothing to do"
    if confirmed:
        return f"{len(found)} shards go on with the log as it is"
    return f"{len(found)} shards have no place in the log; with --yes they go on as told above"


def main() -> int:
    """The exit code; see `run_to_exit_code`."""
    parser = argparse.ArgumentParser(prog="tidemill accept-log", description=__doc__)
    parser.add_argument("--yes", action="store_true", help="do it, instead of telling what would be done")
    return run_to_exit_code(run(confirmed=parser.parse_args().yes))


if __name__ == "__main__":
    sys.exit(main())
