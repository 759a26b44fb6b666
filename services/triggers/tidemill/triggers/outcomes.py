"""What became of events."""

from dataclasses import dataclass, field

from tidemill.errors import TidemillError
from tidemill.triggers.core.index import Trigger


@dataclass(frozen=True, slots=True)
class Started:
    """An execution that an event started, now or when it first came."""

    execution_id: str
    trigger: Trigger
    created: bool


@dataclass(slots=True)
class Outcome:
    """What became of one event: it was taken when there is no error, else it may be sent again."""

    event_id: str
    executions: list[Started] = field(default_factory=list)
    error: TidemillError | None = None
    # How many lanes have it on disk.
    heard: int = 0
