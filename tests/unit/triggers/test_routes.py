"""Which lanes events must reach."""

from itertools import permutations

import pytest

from tests.unit.triggers.samples import NAMESPACE, event
from tidemill.events.listen import Listen
from tidemill.json import Json
from tidemill.triggers.core.conditions import EvaluationError
from tidemill.triggers.core.event import Event
from tidemill.triggers.core.routes import Lane, Routes

TYPE = "order.paid"
OF_TYPE = Lane("", TYPE)
OF_ALL = Lane("", "*")


def both(event_type: str = TYPE, key: str = "") -> Listen:
    return Listen(event_type, own_lane=True, correlation_lane=True, ordering_key=key)


def wide(event_type: str = TYPE) -> Listen:
    return Listen(event_type, own_lane=False, correlation_lane=True)


def routes(*listens: Listen) -> Routes:
    """Each of them in force for a workflow of its own."""
    made = Routes()
    for number, listen in enumerate(listens):
        made.put((NAMESPACE, f"w{number}", "1.0.0"), [listen])
    return made


def lanes(made: Routes, sent: Event, namespace: str = NAMESPACE) -> tuple[Lane, ...]:
    return made.of(namespace, sent).lanes


def paid(data: Json = None, subject: str = "c7") -> Event:
    return event(TYPE, data, subject=subject)


def test_an_event_that_nobody_waits_for_reaches_no_lane() -> None:
    assert lanes(Routes(), paid()) == ()
    assert lanes(routes(both("order.made")), paid()) == ()
    assert lanes(routes(both()), paid(), "other") == ()


@pytest.mark.parametrize(
    ("listens", "expected"),
    [
        ([both()], [Lane("c7", ""), OF_TYPE]),
        ([wide()], [OF_TYPE]),
        ([Listen(TYPE, own_lane=True, correlation_lane=False)], [Lane("c7", "")]),
        ([wide("")], [OF_ALL]),
        ([both("")], [Lane("c7", ""), OF_ALL]),
        # However many wait, an event is brought to a lane once.
        ([both(), both(), wide(), both(""), both("order.made")], [Lane("c7", ""), OF_TYPE, OF_ALL]),
        ([both(), both(key=".subject")], [Lane("c7", ""), OF_TYPE]),
        ([both(), both(key=".data.shop")], [Lane("c7", ""), Lane("s1", ""), OF_TYPE]),
        (
            [both(key=".data.shop"), both("", ".data.number")],
            [Lane("5", ""), Lane("s1", ""), OF_TYPE, OF_ALL],
        ),
    ],
)
def test_lanes_come_once_each_those_of_subjects_first(listens: list[Listen], expected: list[Lane]) -> None:
    sent = paid({"shop": "s1", "number": 5})
    orders = {lanes(routes(*order), sent) for order in permutations(listens)}
    assert orders == {tuple(expected)}


def test_an_event_without_a_subject_has_no_lane_of_its_own() -> None:
    assert lanes(routes(both()), paid(subject="")) == (OF_TYPE,)
    assert lanes(routes(both(key=".data.shop")), paid({"shop": "s1"}, subject="")) == (
        Lane("s1", ""),
        OF_TYPE,
    )


@pytest.mark.parametrize(
    ("data", "failed"),
    [
        ({}, 0),
        ({"shop": None}, 0),
        ({"shop": ""}, 0),
        ("text", 1),
        ({"shop": True}, 1),
        ({"shop": []}, 1),
        ({"shop": "s" * 257}, 1),
    ],
)
def test_a_key_that_finds_no_subject_costs_that_lane_alone(data: Json, failed: int) -> None:
    route = routes(both(key=".data.shop"), both()).of(NAMESPACE, paid(data))
    assert (route.lanes, route.failed_keys) == ((Lane("c7", ""), OF_TYPE), failed)


def test_an_event_whose_type_is_a_star_reaches_that_lane_once() -> None:
    assert lanes(routes(wide("*"), wide("")), event("*")) == (OF_ALL,)


def test_all_versions_stay_in_force() -> None:
    made = Routes()
    made.put((NAMESPACE, "w", "1.0.0"), [both()])
    made.put((NAMESPACE, "w", "2.0.0"), [])
    made.put((NAMESPACE, "w", "3.0.0"), [wide("order.made")])
    assert lanes(made, paid()) == (Lane("c7", ""), OF_TYPE)
    assert lanes(made, event("order.made")) == (Lane("", "order.made"),)
    assert len(made) == 2


def test_a_version_that_comes_again_counts_once() -> None:
    made = Routes()
    version = (NAMESPACE, "w", "1.0.0")
    for _ in range(3):
        made.put(version, [both(), both("order.made", ".data.shop")])
    assert (len(made), lanes(made, paid())) == (2, (Lane("c7", ""), OF_TYPE))
    made.put((NAMESPACE, "w", "2.0.0"), [wide()])
    made.put(version, [])
    assert (len(made), lanes(made, paid())) == (1, (OF_TYPE,))
    made.put((NAMESPACE, "w", "2.0.0"), [])
    assert (len(made), lanes(made, paid()), lanes(made, event("order.made"))) == (0, (), ())


def test_a_key_that_does_not_compile_changes_nothing() -> None:
    made = routes(both())
    with pytest.raises(EvaluationError):
        made.put((NAMESPACE, "w0", "1.0.0"), [both(key=".a | (")])
    assert lanes(made, paid()) == (Lane("c7", ""), OF_TYPE)
