"""What the fault run does to contacts, and what must come of it, worked out without asking an engine.

Each contact is a lane. It joins (an event that starts a journey), is noted several times (events that each
start an execution, and that its journey waits for), orders in between (a command, whose child runs in its
lane), and leaves (the event that its journey waits for last).
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from tidemill.api.engine.v1.execution_service_pb2 import StartRequest
from tidemill.api.events.v1.payload_pb2 import CloudEvent, Payload
from tidemill.json import Json, dumps
from tidemill.testing.effects import Identity

NAMESPACE: Final = "faults"
SOURCE: Final = "/crm"
JOINED: Final = "com.example.contact.joined"
NOTED: Final = "com.example.contact.noted"
LEFT: Final = "com.example.contact.left"
JOURNEY: Final = "journey"
NOTE: Final = "note"
ORDER: Final = "order"
PACKING: Final = "packing"
WORKFLOWS: Final = (JOURNEY, NOTE, PACKING, ORDER)
# The made-up hosts that the workflows call.
HOSTS: Final = ("mail.example.com", "shop.example.com")
NOTES_EACH: Final = 5
# A journey, its notes, an order and the order's child.
EXECUTIONS_EACH: Final = NOTES_EACH + 3
_QUIET_MILLISECONDS: Final = (500, 8_000)
_FOLDER: Final = Path(__file__).with_name("documents")


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that the outside sends, in its turn; its id names it in effects too."""

    kind: str
    contact: str
    id: str
    number: int = 0
    quiet_milliseconds: int = 0

    @property
    def data(self) -> dict[str, Json]:
        """What comes with it."""
        return {
            "eventId": self.id,
            "number": self.number,
            "quiet": {"milliseconds": self.quiet_milliseconds},
        }

    def event(self) -> CloudEvent:
        """As Triggers takes it."""
        return CloudEvent(
            id=self.id, source=SOURCE, type=self.kind, subject=self.contact, data=dumps(self.data)
        )

    def start(self) -> StartRequest:
        """As the Engine takes it; a repeat has the same request id."""
        return StartRequest(
            namespace=NAMESPACE,
            workflow=ORDER,
            version="1.0.0",
            subject=self.contact,
            request_id=self.id,
            input=Payload(data=dumps({"eventId": self.id})),
        )


Lane: TypeAlias = tuple[Happening, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What must be there in the end, and nothing else."""

    executions: Counter[str]
    effects: frozenset[Identity]
    heard: dict[str, Json]
    """The output of each contact's journey."""


def documents() -> list[bytes]:
    """The workflows, in an order in which they can be published."""
    return [(_FOLDER / f"{name}.yaml").read_bytes() for name in WORKFLOWS]


def lanes(executions: int, seed: int) -> list[Lane]:
    """The contacts that make at least so many executions."""
    source = random.Random(f"lanes {seed}")
    return [_lane(f"c{number:05}", source) for number in range(-(-executions // EXECUTIONS_EACH))]


def _lane(contact: str, source: random.Random) -> Lane:
    notes = [Happening(NOTED, contact, f"{contact}-n{number}", number) for number in range(1, NOTES_EACH + 1)]
    middle: list[Happening] = [*notes]
    middle.insert(source.randint(0, NOTES_EACH), Happening(ORDER, contact, f"{contact}-order"))
    quiet = source.randint(*_QUIET_MILLISECONDS)
    joined = Happening(JOINED, contact, f"{contact}-joined", quiet_milliseconds=quiet)
    return (joined, *middle, Happening(LEFT, contact, f"{contact}-left"))


def wanted(of: list[Lane]) -> Wanted:
    """What must come of these contacts."""
    effects = [identity for lane in of for happening in lane for identity in _effects(happening)]
    count = len(of)
    return Wanted(
        executions=Counter({JOURNEY: count, NOTE: count * NOTES_EACH, ORDER: count, PACKING: count}),
        effects=frozenset(effects),
        heard={lane[0].contact: {"heard": list(range(1, NOTES_EACH + 1))} for lane in of},
    )


_EFFECTS_OF: Final = {
    JOINED: ("welcome", "reminder", "farewell"),
    NOTED: ("note",),
    ORDER: ("packing", "parcel"),
    LEFT: (),
}


def _effects(happening: Happening) -> Iterator[Identity]:
    return (Identity(happening.id, task) for task in _EFFECTS_OF[happening.kind])
