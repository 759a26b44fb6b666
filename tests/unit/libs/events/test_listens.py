"""Which events definitions wait for, and in which lanes."""

import pytest

from tidemill.events.filters import FilterError
from tidemill.events.listen import Listen
from tidemill.events.listens import listens_of, starts_in_engine
from tidemill.json import Json

PAID: Json = {"with": {"type": "order.paid"}}
MADE: Json = {"with": {"type": "order.made"}}
CORRELATED: Json = {"with": {"type": "order.paid"}, "correlate": {"order": {"from": ".data.order"}}}
BOTH = Listen("order.paid", own_lane=True, correlation_lane=True)
WIDE = Listen("order.paid", own_lane=False, correlation_lane=True)


def document(
    *listens: Json, on: Json = None, policies: dict[str, Json] | None = None, **more: Json
) -> dict[str, Json]:
    """A workflow whose tasks listen `to` these strategies."""
    tasks: list[Json] = [
        {f"wait{number}": {"listen": {"to": strategy}}} for number, strategy in enumerate(listens)
    ]
    header: dict[str, Json] = {"dsl": "1.0.3", "namespace": "crm", "name": "w", "version": "1.0.0"}
    if policies:
        header["metadata"] = {"tidemill": policies}
    schedule: dict[str, Json] = {"schedule": {"on": on}} if on is not None else {}
    return {"document": header, "do": tasks, **schedule, **more}


def test_what_listens_to_nothing() -> None:
    assert listens_of(document()) == ()


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ({"one": PAID}, (BOTH,)),
        # Whose events they are is said by the filter itself: no subject's lane alone has them all.
        ({"one": CORRELATED}, (WIDE,)),
        ({"one": {"with": {"type": "order.paid", "subject": "s"}}}, (WIDE,)),
        ({"one": {"with": {"type": "order.paid"}, "correlate": {}}}, (BOTH,)),
        # Without one literal type, events of all types are wanted.
        ({"one": {"with": {"type": "^order.*$"}}}, (Listen("", True, True),)),
        ({"one": {"with": {"source": "/shop"}}}, (Listen("", True, True),)),
        ({"any": []}, (Listen("", True, True),)),
        ({"all": []}, ()),
        ({"all": [PAID, MADE]}, (Listen("order.made", True, True), BOTH)),
        ({"any": [CORRELATED, MADE]}, (Listen("order.made", True, True), WIDE)),
        ({"any": [MADE], "until": ". | length > 2"}, (Listen("order.made", True, True),)),
        ({"any": [MADE], "until": {"one": CORRELATED}}, (Listen("order.made", True, True), WIDE)),
        # Filters of one type are one entry.
        ({"all": [PAID, CORRELATED]}, (BOTH,)),
        ({"all": [CORRELATED, PAID]}, (BOTH,)),
    ],
)
def test_the_filters_of_a_listen(strategy: Json, expected: tuple[Listen, ...]) -> None:
    assert listens_of(document(strategy)) == expected


def test_listens_are_found_however_deep_they_stand() -> None:
    inner: Json = [{"wait": {"listen": {"to": {"one": PAID}}}}]
    nested: Json = [
        {
            "each": {
                "for": {"in": "[1]"},
                "do": [
                    {"try": {"try": [{"branch": {"fork": {"branches": inner}}}], "catch": {"do": []}}},
                ],
            }
        }
    ]
    assert listens_of({**document(), "do": nested}) == (BOTH,)
    foreach: Json = [
        {
            "w": {
                "listen": {"to": {"one": MADE}},
                "foreach": {"do": [{"x": {"listen": {"to": {"one": PAID}}}}]},
            }
        }
    ]
    assert listens_of({**document(), "do": foreach}) == (Listen("order.made", True, True), BOTH)


def test_the_ordering_key_tells_whose_lane_an_event_belongs_to() -> None:
    found = listens_of(
        document({"one": PAID}, {"one": CORRELATED}, policies={"orderingKey": ".data.contact"})
    )
    assert found == (WIDE, Listen("order.paid", True, True, ".data.contact"))


def test_stop_filters_are_heard_as_waits_are() -> None:
    stops: dict[str, Json] = {"stopOn": [PAID, {"with": {"type": "order.made", "subject": "s"}}]}
    assert listens_of(document(policies=stops)) == (Listen("order.made", False, True), BOTH)


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        # Starts by one event need no memory: the Triggers service sees to them.
        ({"one": PAID}, ()),
        ({"any": [PAID, MADE]}, ()),
        ({"any": []}, ()),
        ({"all": [PAID, MADE]}, (Listen("order.made", False, True), WIDE)),
        ({"any": [PAID], "until": ". | length > 2"}, (WIDE,)),
        ({"any": [], "until": {"one": PAID}}, (Listen("", False, True), WIDE)),
        ({"one": CORRELATED}, (WIDE,)),
        ({"any": [MADE, CORRELATED]}, (Listen("order.made", False, True), WIDE)),
    ],
)
def test_a_schedule_that_the_engine_runs_hears_in_correlation_lanes(
    on: dict[str, Json], expected: tuple[Listen, ...]
) -> None:
    assert listens_of(document(on=on, policies={"orderingKey": ".subject"})) == expected
    assert starts_in_engine(on) is bool(expected)


def test_a_filter_that_does_not_compile_is_told_with_its_place() -> None:
    wrong: Json = {"with": {"type": "a"}, "correlate": {"x": {"from": "$context.x"}}}
    with pytest.raises(FilterError, match="event alone") as caught:
        listens_of(document({"all": [PAID, wrong]}))
    assert caught.value.pointer == "/do/0/wait0/listen/to/all/1/correlate/x/from"
    with pytest.raises(FilterError) as caught:
        listens_of(document(policies={"stopOn": [{"with": {"data": "^(a$"}}]}))
    assert caught.value.pointer == "/document/metadata/tidemill/stopOn/0/with/data"
