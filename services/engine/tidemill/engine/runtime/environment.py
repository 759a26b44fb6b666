"""What surrounds the logic of a process: its settings, time, chance, telemetry, and what keeps blobs."""

import random
from dataclasses import dataclass, field

from tidemill.blobs.claim_check import ClaimCheck
from tidemill.blobs.memory import MemoryBlobs
from tidemill.blobs.port import BlobStore
from tidemill.clock import Clock, SystemClock
from tidemill.engine.settings import Settings
from tidemill.telemetry.metrics import Metrics
from tidemill.telemetry.tracing import NoTracing, Tracing


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Handed to whoever needs more than one of these; tests and simulations bring their own."""

    settings: Settings
    clock: Clock = field(default_factory=SystemClock)
    source: random.Random = field(default_factory=random.Random)
    metrics: Metrics = field(default_factory=Metrics)
    tracing: Tracing = field(default_factory=NoTracing)
    blobs: BlobStore = field(default_factory=MemoryBlobs)

    @property
    def check(self) -> ClaimCheck:
        """Where large texts are left, and fetched again."""
        return ClaimCheck(self.blobs, bytes_max=self.settings.payload_inline_bytes_max)
