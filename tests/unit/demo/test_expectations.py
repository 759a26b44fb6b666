"""What the demo's events must lead to, and that its file is what its generator makes."""

from examples.demo.events import APPOINTMENT, CART, LEAD, JsonObject, generate, read, with_repeats
from examples.demo.expectations import expect
from tidemill.json import Json

CONTACT: JsonObject = {"id": "c1", "name": "Ada", "phone": "+1", "email": "a@x", "wantsReminders": True}


def event(type_: str, *, event_id: str = "e1", contact: JsonObject | None = None, **data: Json) -> JsonObject:
    return {
        "id": event_id,
        "source": "/crm",
        "type": type_,
        "subject": "c1",
        "data": {"eventId": event_id, "contact": {**CONTACT, **(contact or {})}, **data},
    }


def tasks(*events: JsonObject) -> list[str]:
    """The names of the tasks that make effects, in the order of their references."""
    return [identity.task.rpartition("/")[2] for identity in sorted(expect(events).effects)]


def test_a_cold_lead_is_only_greeted() -> None:
    assert tasks(event(LEAD, source="ad", budget=0)) == ["sendWelcome"]


def test_a_warm_lead_gets_a_guide_and_a_question() -> None:
    assert tasks(event(LEAD, source="ad", budget=20_000)) == ["sendWelcome", "mailGuide", "sendQuestion"]


def test_a_warm_lead_that_wants_no_reminders_is_asked_nothing() -> None:
    lead = event(LEAD, source="ad", budget=20_000, contact={"wantsReminders": False})
    assert tasks(lead) == ["sendWelcome", "mailGuide"]


def test_a_hot_lead_gets_an_appointment_of_its_own() -> None:
    expectation = expect([event(LEAD, source="referral", budget=20_000)])
    assert expectation.executions == {"lead-nurture": 1, "appointment-reminder": 1}
    assert {identity.event_id for identity in expectation.effects} == {"e1", "e1/call"}
    assert len(expectation.effects) == 4


def test_a_cart_holds_each_item_and_one_worth_it_gets_a_coupon() -> None:
    items: list[Json] = [{"sku": "a", "cents": 4_000, "count": 2}, {"sku": "b", "cents": 2_000, "count": 1}]
    assert tasks(event(CART, items=items)) == ["askShop#0", "askShop#1", "mailReminder", "textCoupon"]
    assert tasks(event(CART, items=items[:1])) == ["askShop#0", "mailReminder"]


def test_a_wrong_address_is_texted_instead() -> None:
    items: list[Json] = [{"sku": "a", "cents": 1, "count": 1}]
    assert tasks(event(CART, items=items, contact={"email": "unknown"})) == ["askShop#0", "textReminder"]
    assert tasks(event(APPOINTMENT, what="a call", contact={"email": "unknown"})) == [
        "textConfirmation",
        "textReminder",
    ]


def test_an_event_that_comes_twice_counts_once() -> None:
    lead = event(LEAD, source="ad", budget=0)
    assert expect([lead, lead]).executions.total() == 1
    assert expect([lead, {**lead, "id": "e2"}]).executions.total() == 2


def test_the_file_is_what_the_generator_makes() -> None:
    assert read() == generate()
    assert len(read()) == 1_000


def test_repeats_come_in_a_later_batch_than_their_first() -> None:
    events = read()[:50]
    batches = with_repeats(events, batch_size=10, repeat_every=10)
    assert [len(batch) for batch in batches] == [10, 11, 11, 11, 12]
    assert [batch[-1]["id"] for batch in batches[1:4]] == [events[number]["id"] for number in (0, 10, 20)]
