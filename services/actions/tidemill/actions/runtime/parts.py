"""What the runtime works with."""

from dataclasses import dataclass

from tidemill.actions.ledger.port import Ledger
from tidemill.actions.registry import Registry
from tidemill.actions.runtime.meters import Meters
from tidemill.actions.runtime.presence import Presence
from tidemill.actions.runtime.running import Runner
from tidemill.actions.settings import Settings
from tidemill.blobs.claim_check import ClaimCheck
from tidemill.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts that the dispatcher and its steps share."""

    ledger: Ledger
    check: ClaimCheck
    presence: Presence
    registry: Registry
    runner: Runner
    clock: Clock
    meters: Meters
    settings: Settings
