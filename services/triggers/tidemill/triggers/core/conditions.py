"""Start conditions in their compiled form: what makes events start executions of a definition."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from tidemill.json import Json
from tidemill.versions import Version

if TYPE_CHECKING:
    from tidemill.events.filters import EventFilter

# An expression: takes the value that `.` stands for, and the time that `now` gives, in microseconds.
Evaluation = Callable[[Json, int], Json]

# The start condition as executions know it: its filters are alternatives of one trigger, so that an event
# which passes two of them, or another one after they were reordered, still starts one execution.
TRIGGER: Final = "on"


class ConditionError(ValueError):
    """A start condition that cannot be put in force; `pointer` is its place in the document."""

    def __init__(self, pointer: str, message: str) -> None:
        super().__init__(f"{pointer}: {message}")
        self.pointer = pointer


class EvaluationError(ValueError):
    """An expression that does not compile, or whose evaluation failed."""


class Reading(StrEnum):
    """What of an event becomes input (`schedule.read`)."""

    DATA = "data"
    ENVELOPE = "envelope"
    RAW = "raw"


@dataclass(frozen=True, slots=True)
class Alternative:
    """One filter of a start condition, under its name inside the definition: `on`, or `on.any.0`."""

    name: str
    filter: "EventFilter"


@dataclass(frozen=True, slots=True)
class StartCondition:
    """What makes events start executions of one definition version; no alternatives means nothing does."""

    namespace: str
    workflow: str
    version: Version
    version_text: str
    alternatives: tuple[Alternative, ...]
    ordering_key: Evaluation | None
    reading: Reading
