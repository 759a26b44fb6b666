"""The demo's events. `python -m examples.demo.events` writes events.jsonl anew, always the same."""

import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from tidemill.api.events.v1.payload_pb2 import CloudEvent
from tidemill.json import Json, dumps, loads

JsonObject: TypeAlias = dict[str, Json]

FILE: Final = Path(__file__).with_name("events.jsonl")
LEAD: Final = "com.example.lead.created"
CART: Final = "com.example.cart.abandoned"
APPOINTMENT: Final = "com.example.appointment.booked"
SOURCE: Final = "/crm"

_SEED: Final = 20_261_124
_COUNTS: Final = {LEAD: ("lead", 400), CART: ("cart", 300), APPOINTMENT: ("visit", 300)}
# Fewer contacts than events: several things happen to one contact, in one lane.
_CONTACTS: Final = 300
_NAMES: Final = ("Ada", "Bo", "Chen", "Dilan", "Esi", "Farah", "Grace", "Hugo", "Ines", "Juri")
_GOODS: Final = {"lamp": 3_900, "mug": 1_250, "chair": 8_900, "rug": 6_400, "vase": 2_100}
_OCCASIONS: Final = ("a check-up", "a fitting", "a tour", "a tasting")
_WRONG_ADDRESS: Final = "unknown"
_WRONG_ADDRESS_RATE: Final = 0.1


def generate(seed: int = _SEED) -> list[JsonObject]:
    """The events as CloudEvents in JSON, in the order in which they happen."""
    source = random.Random(seed)
    contacts = [_contact(source, number) for number in range(_CONTACTS)]
    events = [
        _event(source, type_, f"{word}-{number:04}", contact=source.choice(contacts))
        for type_, (word, count) in _COUNTS.items()
        for number in range(count)
    ]
    source.shuffle(events)
    return events


def read(path: Path = FILE) -> list[JsonObject]:
    """The events of a file, one JSON object a line."""
    with path.open("rb") as file:
        return [_object(loads(line)) for line in file]


def message(event: JsonObject) -> CloudEvent:
    """The event as the Triggers service takes it by gRPC."""
    return CloudEvent(
        id=str(event["id"]),
        source=str(event["source"]),
        type=str(event["type"]),
        subject=str(event["subject"]),
        data=dumps(event["data"]),
    )


def with_repeats(
    events: Sequence[JsonObject], *, batch_size: int, repeat_every: int
) -> list[list[JsonObject]]:
    """Batches to send: every so many events, one is sent again in the batch after its own."""
    batches = [list(events[at : at + batch_size]) for at in range(0, len(events), batch_size)]
    for number, event in enumerate(events):
        if number % repeat_every == 0:
            again = min(number // batch_size + 1, len(batches) - 1)
            batches[again].append(event)
    return batches


def _event(source: random.Random, type_: str, event_id: str, *, contact: JsonObject) -> JsonObject:
    # Leads come from a form that checks the address; other addresses may be wrong.
    if type_ != LEAD and source.random() < _WRONG_ADDRESS_RATE:
        contact = {**contact, "email": _WRONG_ADDRESS}
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": SOURCE,
        "type": type_,
        "subject": contact["id"],
        "data": {"eventId": event_id, **_DATA[type_](source), "contact": contact},
    }


def _contact(source: random.Random, number: int) -> JsonObject:
    name = source.choice(_NAMES)
    return {
        "id": f"c{number:03}",
        "name": name,
        "phone": f"+1555{number:04}",
        "email": f"{name.lower()}{number}@example.com",
        "wantsReminders": source.random() < 0.7,
    }


def _lead(source: random.Random) -> JsonObject:
    return {"source": source.choice(("referral", "web", "ad")), "budget": source.randrange(0, 60_000, 500)}


def _cart(source: random.Random) -> JsonObject:
    chosen = source.sample(sorted(_GOODS), source.randint(1, 3))
    items: list[Json] = [{"sku": sku, "cents": _GOODS[sku], "count": source.randint(1, 2)} for sku in chosen]
    return {"items": items}


def _appointment(source: random.Random) -> JsonObject:
    return {"what": source.choice(_OCCASIONS)}


_DATA: Final[dict[str, Callable[[random.Random], JsonObject]]] = {
    LEAD: _lead,
    CART: _cart,
    APPOINTMENT: _appointment,
}


def _object(value: Json) -> JsonObject:
    assert isinstance(value, dict), "every line is one event"
    return value


def write(events: Iterable[JsonObject], path: Path = FILE) -> None:
    """Write events, one JSON object a line."""
    path.write_bytes(b"".join(dumps(event) + b"\n" for event in events))


if __name__ == "__main__":
    write(generate())
