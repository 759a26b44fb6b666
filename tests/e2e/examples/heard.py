"""The examples of events: what is listened to, and what starts workflows."""

from collections.abc import Mapping
from typing import Final

from tests.e2e.examples.case import STANDARD, Asked, Case, Event, Seen
from tidemill.json import Json

_VITALS: Final = "com.fake-hospital.vitals.measurements"
_HOME: Final = "https://my.home.com/sensor"


def _temperature(degrees: int) -> Event:
    return Event(type=f"{_VITALS}.temperature", data={"temperature": degrees})


def _beats(bpm: int) -> Event:
    return Event(type=f"{_VITALS}.bpm", data={"bpm": bpm})


def _reading(kind: str, room: str, value: int) -> Event:
    return Event(
        type=f"my.home.sensors.{kind}",
        source=_HOME,
        data={"reading": value},
        extensions={"roomid": room},
    )


def _envelopes(seen: Seen) -> None:
    heard = [(event["type"], event["source"], event["data"]) for event in seen.report.output]
    assert heard == [
        (f"{_VITALS}.temperature", "/outside", {"temperature": 39}),
        (f"{_VITALS}.bpm", "/outside", {"bpm": 120}),
    ]


_ANY: Final = tuple(Event(type=f"com.example.{number}", data=number) for number in range(5))
_TRIGGER: Final = "io.serverlessworkflow.samples.events.trigger.v1"
_HEARTBEAT: Final[dict[str, Json]] = {
    "patient": {"id": 1, "name": "Ada", "room": {"number": 7}, "vitals": {"bpm": 31}},
    "timestamp": "2026-01-31T08:00:00Z",
}
_ALL: Final = (_temperature(37), _beats(80), _temperature(39), _beats(120))
_READINGS: Final = (
    _reading("temperature", "kitchen", 21),
    # Of another room than what was heard first.
    _reading("humidity", "cellar", 80),
    _reading("humidity", "kitchen", 40),
)
RUNS: Final[Mapping[str, tuple[Case, ...]]] = {
    "listen-to-all": (Case(subject="ada", events=_ALL, output=[{"temperature": 39}, {"bpm": 120}]),),
    "listen-to-all read-envelope": (Case(subject="ada", events=_ALL, check=_envelopes),),
    # The first event that fits ends it, whichever of the two it is.
    "listen-to-any-filter": (Case(events=(_temperature(38), _beats(120)), output=[{"bpm": 120}]),),
    "listen-to-any": (Case(events=_ANY, output=[0]),),
    # The comment says three; `length > 3` says four.
    "listen-to-any-until-condition": (Case(events=_ANY, output=[0, 1, 2, 3]),),
    "listen-to-any-until-consumed": (
        Case(
            subject="ada",
            events=(
                *(_temperature(39), _beats(80), _beats(120)),
                Event(type="com.fake-hospital.patient.checked-out", data={"gone": True}),
            ),
            # What ends it is not part of it.
            output=[{"temperature": 39}, {"bpm": 120}],
        ),
    ),
    "listen-to-any-forever-foreach": (
        Case(
            given={"roomId": "agora"},
            events=_ANY[:2],
            ends_never=True,
            # The events are data, as `read` says nothing.
            asked=tuple(
                Asked(method="POST", url="fake-chat-api.com/room/agora", body={"event": number})
                for number in (0, 1)
            ),
        ),
    ),
    "listen-to-one": (
        Case(
            given={"carId": 7},
            events=(Event(type="com.virtual-wf-powered-race.events.race.started.v1", data={"carId": 7}),),
            # The input of `startup` is an array of events, in which there is no `carId`: that gives nothing.
            asked=(Asked(method="POST", url="virtual-wf-powered-race.com/api/v4/cars//start"),),
            output={"done": "/api/v4/cars//start"},
            tasks=("waitForStartup", "startup"),
        ),
    ),
    "accumulate-room-readings": (
        Case(
            name="as-it-stands",
            heard_first=True,
            events=_READINGS,
            # It has heard both of one room. Then `.data` is asked of an array.
            error={"type": f"{STANDARD}expression", "instance": "/do/0/consumeReading"},
            tasks=("consumeReading",),
        ),
        Case(
            name="corrected",
            heard_first=True,
            events=_READINGS,
            changed=(
                "as: .data.reading",
                "as: '{readings: map(.reading)}'",
                "`.` is an array of the events' data there",
            ),
            asked=(
                *(Asked(method="POST", url="myorg.io/readings") for _ in range(2)),
                Asked(method="POST", url="myorg.io/report"),
            ),
            output={"done": "/report"},
        ),
    ),
    "schedule-event-driven": (
        Case(
            started_by_event=True,
            # `read` says nothing: `$workflow.input[0]` is the event's data, which has a `data` in it.
            events=(
                Event(type="com.example.hospital.events.patients.heartbeat.low", data={"data": _HEARTBEAT}),
            ),
            asked=(
                Asked(
                    method="POST",
                    url="hospital.example.com/api/v1/notify",
                    body={
                        "patientId": 1,
                        "patientName": "Ada",
                        "roomNumber": 7,
                        "vitals": {"heartRate": 31, "timestamp": "2026-01-31T08:00:00Z"},
                        "message": "Alert: Patient's heartbeat is critically low."
                        " Immediate attention required.",
                    },
                ),
            ),
        ),
    ),
    "set": (
        Case(
            started_by_event=True,
            events=(Event(type=_TRIGGER, data={"a": 1}),),
            output={"startEvent": {"a": 1}},
        ),
    ),
    "set-expression": (
        Case(started_by_event=True, events=(Event(type=_TRIGGER, data={"a": 1}),), output={"a": 1}),
    ),
}
