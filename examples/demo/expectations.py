"""What must come of the demo's events, worked out from their data alone: no engine is asked.

The rules below say in Python what the workflows in examples/ say in their language; where the two disagree,
the demo fails.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from examples.demo.events import APPOINTMENT, CART, LEAD, JsonObject
from tidemill.json import Json
from tidemill.testing.effects import Identity

LEAD_NURTURE: Final = "lead-nurture"
ABANDONED_CART: Final = "abandoned-cart"
APPOINTMENT_REMINDER: Final = "appointment-reminder"
WORKFLOWS: Final = {LEAD: LEAD_NURTURE, CART: ABANDONED_CART, APPOINTMENT: APPOINTMENT_REMINDER}

_SCORE_OF_SOURCE: Final = {"referral": 50, "web": 25, "ad": 10}
_HOT: Final = 70
_WARM: Final = 30
_CENTS_FOR_COUPON: Final = 10_000


@dataclass(frozen=True, slots=True)
class Expectation:
    """What events must lead to: executions by workflow, and effects."""

    executions: Counter[str] = field(default_factory=Counter)
    effects: set[Identity] = field(default_factory=set)


def expect(events: Iterable[JsonObject]) -> Expectation:
    """What must come of the events; one that comes twice counts once."""
    distinct = {(str(event["source"]), str(event["id"])): event for event in events}
    expectation = Expectation()
    for event in distinct.values():
        data = _object(event["data"])
        _expect_one(str(event["type"]), data, expectation)
        if event["type"] == LEAD and _score(data) >= _HOT:
            # The workflow publishes an event of its own, which starts another workflow.
            call: JsonObject = {"eventId": f"{data['eventId']}/call", "contact": data["contact"]}
            _expect_one(APPOINTMENT, call, expectation)
    return expectation


def _expect_one(type_: str, data: JsonObject, expectation: Expectation) -> None:
    tasks = {LEAD: _of_lead, CART: _of_cart, APPOINTMENT: _of_appointment}[type_]
    expectation.executions[WORKFLOWS[type_]] += 1
    expectation.effects.update(Identity(str(data["eventId"]), task) for task in tasks(data))


def _of_lead(lead: JsonObject) -> Iterator[str]:
    yield "/do/1/greet/try/0/sendWelcome"
    if _WARM <= _score(lead) < _HOT:
        yield "/do/4/sendGuide/try/0/mailGuide"
        if _contact(lead)["wantsReminders"]:
            yield "/do/6/askBack/try/0/sendQuestion"


def _of_cart(cart: JsonObject) -> Iterator[str]:
    items = _items(cart)
    for index in range(len(items)):
        yield f"/do/1/holdGoods/do/0/hold/try/0/askShop#{index}"
    if _has_address(cart):
        yield "/do/3/remind/try/0/mailReminder"
    else:
        yield "/do/3/remind/catch/do/0/textInstead/try/0/textReminder"
    if sum(_number(item["cents"]) * _number(item["count"]) for item in items) >= _CENTS_FOR_COUPON:
        yield "/do/4/offerCoupon/do/1/coupon/try/0/textCoupon"


def _of_appointment(appointment: JsonObject) -> Iterator[str]:
    yield "/do/0/confirm/fork/branches/0/byText/try/0/textConfirmation"
    if _has_address(appointment):
        yield "/do/0/confirm/fork/branches/1/byMail/try/0/mailConfirmation"
    if _contact(appointment)["wantsReminders"]:
        yield "/do/2/remind/try/0/textReminder"


def _score(lead: JsonObject) -> int:
    return min(_SCORE_OF_SOURCE[str(lead["source"])] + _number(lead["budget"]) // 1_000, 100)


def _has_address(data: JsonObject) -> bool:
    return "@" in str(_contact(data)["email"])


def _contact(data: JsonObject) -> JsonObject:
    return _object(data["contact"])


def _items(cart: JsonObject) -> list[JsonObject]:
    items = cart["items"]
    assert isinstance(items, list)
    return [_object(item) for item in items]


def _object(value: Json) -> JsonObject:
    assert isinstance(value, dict)
    return value


def _number(value: Json) -> int:
    assert isinstance(value, int)
    return value
