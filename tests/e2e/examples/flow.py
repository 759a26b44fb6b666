"""The examples of what runs when: conditions, loops, branches, errors, sub-workflows."""

from collections.abc import Mapping
from typing import Final

from tests.e2e.examples.calls import PETS
from tests.e2e.examples.case import STANDARD, Asked, Case, Event
from tests.e2e.examples.outside import pet
from tidemill.json import Json

_BETS: Final = "superbet-casinos.com/api/bet/on/football"
_ALERTS: Final = "fake-hospital.com/api/v3/alert"
_PATIENT: Final[dict[str, Json]] = {"patientId": "Ada Lovelace", "room": 7}
_NOT_IMPLEMENTED: Final[dict[str, Json]] = {
    "type": "https://serverlessworkflow.io/errors/not-implemented",
    "status": 500,
    "title": "Not Implemented",
    "detail": "The workflow 'raise-not-implemented:0.1.0' is a work in progress and cannot be run yet",
    "instance": "/do/0/notImplemented",
}
_NOT_FOUND: Final[dict[str, Json]] = {
    "type": f"{STANDARD}communication",
    "status": 404,
    "title": "Not Found",
    "instance": "/do/0/tryGetPet/try/0/getPet",
}
_COLOURS: Final = [
    {"name": "red", "hex": "#FF0000"},
    {"name": "green", "hex": "#00FF00"},
    {"name": "blue", "hex": "#0000FF"},
]
_REGISTERS: Final = """\
document: {dsl: '1.0.3', namespace: test, name: register-customer, version: '0.1.0'}
do:
- register: {set: {registered: '${ .customer }'}}
"""
_CHECKUP: Final = "com.fake.petclinic.pets.checkup.completed.v2"
_PETS: Final[list[Json]] = [{"id": 1}, {"id": 2}]
_AGAIN: Final = Case(
    given={"petId": 503},
    output=pet(503),
    # At the second time the store is back; three seconds are the first delay.
    asked=(Asked(method="GET", url=f"{PETS}/503"), Asked(method="GET", url=f"{PETS}/503")),
    tasks=("tryGetPet", "getPet", "getPet"),
)
RUNS: Final[Mapping[str, tuple[Case, ...]]] = {
    "conditional-task": (
        Case(
            name="of-age",
            given={"customer": {"age": 18}, "bet": {"on": "us"}},
            # Without `${ }` they are texts: expressions are told by it alone where `evaluate` says nothing.
            asked=(Asked(method="POST", url=_BETS, body={"customer": ".customer", "bet": ".bet"}),),
            output={"done": "/api/bet/on/football"},
        ),
        Case(
            name="under-age",
            given={"customer": {"age": 17}},
            error={
                "type": "https://superbet-casinos.com/customer/access-forbidden",
                "status": 400,
                "title": "Access Forbidden",
            },
            tasks=("raiseErrorIfUnderage",),
        ),
    ),
    "for": (
        Case(
            name="no-vet",
            given={"pets": _PETS},
            output={"pets": _PETS},
            tasks=("checkup",),
        ),
        Case(
            name="as-it-stands",
            given={"pets": _PETS, "vet": "Eve"},
            events=(Event(type=_CHECKUP, data={"is": "fine"}),),
            # What a listen gives is an array of events, and an array has no `pets`.
            error={"type": f"{STANDARD}expression", "instance": "/do/0/checkup/do/0/waitForCheckup"},
        ),
        Case(
            name="corrected",
            given={"pets": _PETS, "vet": "Eve"},
            events=tuple(Event(type=_CHECKUP, data={"is": "fine"}) for _ in _PETS),
            changed=(
                '.pets + [{ "id": $pet.id }]',
                '$input | .checked += [{ "id": $pet.id, "at": $index }]',
                "`.` is an array of events there",
            ),
            output={"pets": _PETS, "vet": "Eve", "checked": [{"id": 1, "at": 0}, {"id": 2, "at": 1}]},
            tasks=("checkup", "waitForCheckup", "waitForCheckup"),
        ),
    ),
    "for-inline-array": (
        Case(output={"processed": _COLOURS}, tasks=("logColors", *(("setProcessed",) * len(_COLOURS)))),
    ),
    "fork": (
        Case(
            given={"patient": {"fullName": "Ada Lovelace"}, "room": {"number": 7}},
            output={"comes": "nurses"},
            asked=(
                Asked(method="PUT", url=f"{_ALERTS}/nurses", body=_PATIENT),
                Asked(method="PUT", url=f"{_ALERTS}/doctor", body=_PATIENT),
            ),
            asked_in_any_order=True,
        ),
    ),
    "raise-inline": (Case(error=_NOT_IMPLEMENTED),),
    "raise-reusable": (Case(error=_NOT_IMPLEMENTED),),
    "run-subflow": (
        # Its input is a text, for there is no `${ }` around it.
        Case(also=(_REGISTERS,), given={"user": {"name": "Ada"}}, output={"registered": ".user"}),
        Case(name="nobody", error={"type": f"{STANDARD}configuration", "instance": "/do/0/registerCustomer"}),
    ),
    "switch-then-string": (
        Case(
            name="electronic",
            given={"orderType": "electronic"},
            output={"validate": True, "status": "fulfilled"},
            tasks=("processOrder", "processElectronicOrder"),
        ),
        Case(
            name="physical",
            given={"orderType": "physical"},
            output={"inventory": "clear", "items": 1, "address": "Elmer St"},
            tasks=("processOrder", "processPhysicalOrder"),
        ),
        Case(
            name="unknown",
            given={"orderType": "poem"},
            output={"log": "warn", "message": "something's wrong"},
            tasks=("processOrder", "handleUnknownOrderType"),
        ),
    ),
    "try-catch": (
        Case(given={"petId": 7}, output=pet(7)),
        Case(name="missing", given={"petId": 404}, output={"petId": 404}),
        # Another status is not caught.
        Case(
            name="away",
            given={"petId": 503},
            error={**_NOT_FOUND, "status": 503, "title": "Service Unavailable"},
        ),
    ),
    "try-catch-retry-inline": (
        _AGAIN,
        Case(name="missing", given={"petId": 404}, error=_NOT_FOUND),
    ),
    "try-catch-retry-reusable": (_AGAIN,),
    "try-catch-then": (
        Case(
            given={"petId": 7},
            output={"stored": {**pet(7), "status": "sold"}},
            asked=(
                Asked(method="GET", url=f"{PETS}/7"),
                Asked(method="PUT", url=f"{PETS}/", body={**pet(7), "status": "sold"}),
            ),
        ),
        Case(
            name="missing",
            given={"petId": 404},
            hears="io.swagger.petstore.events.pets.not-found.v1",
            emitted=({"source": "https://petstore.swagger.io", "data": _NOT_FOUND},),
            # A text without `${ }`; so is what is exported, as the whole of `as` is an expression.
            output={"error": "$error"},
            asked=(Asked(method="GET", url=f"{PETS}/404"),),
            tasks=("tryGetPet", "getPet", "notifySupport", "setError", "buyPet"),
        ),
    ),
    "try-catch-then-directive": (
        Case(
            output={"status": "failed"},
            asked=(Asked(method="GET", url="external-service.example.com/api"),),
            tasks=("trySomething", "callExternalService", "recordFailure"),
        ),
    ),
    "emit": (
        Case(
            hears="com.petstore.order.placed.v1",
            emitted=(
                {
                    "source": "https://petstore.com",
                    "type": "com.petstore.order.placed.v1",
                    "data": {
                        "client": {"firstName": "Cruella", "lastName": "de Vil"},
                        "items": [{"breed": "dalmatian", "quantity": 101}],
                    },
                },
            ),
        ),
    ),
}
