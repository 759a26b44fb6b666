"""The ledger as the service sees it: who may run an attempt, and how it ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tidemill.actions.core.decision import Claim, Row
from tidemill.actions.core.model import Cancellation, Outcome
from tidemill.storage import StorageUnavailableError


@dataclass(slots=True)
class Granted:
    """The claim may run. `hold` is the row that it holds, 0 where it needs none."""

    hold: int


@dataclass(slots=True)
class Answered:
    """The claim must not run: this is the outcome that it gets."""

    outcome: Outcome


@dataclass(slots=True)
class Held:
    """Somebody holds a lease on the key until then: ask again."""

    lease_until_us: int


@dataclass(slots=True)
class Superseded:
    """A later attempt was made: the claim is out of date."""


ClaimAnswer = Granted | Answered | Held | Superseded


@dataclass(slots=True)
class Record:
    """How a granted claim ended."""

    claim: Claim
    hold: int
    outcome: Outcome


class LeaseLostError(StorageUnavailableError):
    """The lease of the replica that claims has run out: it claims nothing until it has a new one."""

    def __init__(self) -> None:
        super().__init__("effect ledger", "the lease of this replica has run out")


class Ledger(Protocol):
    """Rows by (key, attempt). Every method is one transaction, durable when it returns, and all or nothing.

    Claims are ruled on by `core.decision` inside the transaction. A claim holds its key while its holder
    lives and its own lease lasts. Every implementation passes the suite in `tests/contract`. All methods
    raise StorageUnavailableError when the disk, the file or the server refuses: nothing was written then,
    unless the failure came out of the commit itself.
    """

    async def claim(self, claims: Sequence[Claim], now_us: int) -> list[ClaimAnswer]:
        """Rule on each claim in order, and write what the verdicts say. Raises LeaseLostError.

        Of several who claim a key at once, one is granted it at most.
        """
        ...

    async def record(self, records: Sequence[Record]) -> list[Outcome | None]:
        """Write each outcome by compare-and-set on the claim's token; answers the outcome that stands.

        The first outcome of a row stands: where that is another than the given one, the given one came late.
        None: so it did, and somebody else runs the attempt now. An outcome without a row gets one. Recording
        the same again changes nothing.
        """
        ...

    async def release(self, holds: Sequence[tuple[int, Claim]]) -> None:
        """Give up granted claims whose effect was not made: their rows go away."""
        ...

    async def cancel(self, cancellations: Sequence[Cancellation], now_us: int) -> list[Outcome | None]:
        """End each attempt, so that it never runs from now on; answers the outcome that stands.

        An attempt that never came leaves a row too, already settled: it outlives every call that is still
        under way, since calls carry `dispatch_before`. None: somebody holds a live lease, ask again.
        """
        ...

    async def lookup(self, key: str) -> list[Row]:
        """All rows of a key, oldest first."""
        ...

    async def settle(self, keys: Sequence[str], now_us: int) -> None:
        """Note that the engine has the outcomes of these keys; rows still without one are left alone."""
        ...

    async def expire(self, settled_before_us: int, rows_max: int) -> int:
        """Delete up to `rows_max` rows that were settled before then; answers how many were deleted."""
        ...

    async def close(self) -> None:
        """Finish what is under way and let go of the file."""
        ...


class Replicas(Protocol):
    """The processes that share a ledger; each lives as long as its lease, by the ledger's own clock."""

    async def join(self, name: str) -> int:
        """Begin a lease; answers its token, which no other has. The name is for whoever reads the rows."""
        ...

    async def renew(self, token: int) -> bool:
        """Have the lease last longer; False when it has run out, which is for good."""
        ...

    async def leave(self, token: int) -> None:
        """End the lease: what is still claimed under it is lost at once."""
        ...


class Alone:
    """The only process there is, as the lock of its folder makes sure: it lives while anybody asks.

    What the process before it had claimed is lost from the start, as SqliteLedger sees to.
    """

    async def join(self, name: str) -> int:
        return 0

    async def renew(self, token: int) -> bool:
        return True

    async def leave(self, token: int) -> None:
        return None
