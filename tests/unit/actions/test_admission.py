"""Limits of calls in flight, bounded queues, and namespaces that take turns."""

import random
from collections import Counter
from dataclasses import replace

from tidemill.actions.core.admission import Admission, AdmissionLimits, Admitted

LIMITS = AdmissionLimits(
    in_flight_max=4, namespace_in_flight_max=3, group_in_flight_max=4, queued_max=6, namespace_queued_max=4
)


def admission(**changes: int | dict[str, int]) -> Admission[str]:
    return Admission(replace(LIMITS, **changes))  # type: ignore[arg-type]


def offer(desk: Admission[str], *items: str, group: str = "g") -> list[Admitted]:
    """Offer items whose first letter is their namespace."""
    return [desk.offer(item, item[0], group) for item in items]


def test_a_namespace_cannot_take_all_places() -> None:
    desk = admission()
    assert offer(desk, "a1", "a2", "a3", "a4") == [Admitted.NOW] * 3 + [Admitted.QUEUED]
    assert offer(desk, "b1", "b2") == [Admitted.NOW, Admitted.QUEUED]
    assert (desk.in_flight, desk.queued) == (4, 2)


def test_what_waits_comes_in_the_order_of_its_namespace_and_namespaces_take_turns() -> None:
    desk = admission(namespace_in_flight_max=4)
    offer(desk, "a1", "a2", "a3", "a4")
    offer(desk, "a5", "a6", "b1", "b2")
    for _ in range(4):
        desk.release("a", "g")
    assert desk.drain() == ["a5", "b1", "a6", "b2"]
    assert desk.queued == 0


def test_a_full_namespace_holds_up_nobody_else() -> None:
    desk = admission()
    offer(desk, "a1", "a2", "a3", "a4", "a5", "b1", "b2")
    desk.release("b", "g")
    assert desk.drain() == ["b2"]
    desk.release("a", "g")
    assert desk.drain() == ["a4"]


def test_a_full_group_holds_up_its_own_calls_alone() -> None:
    desk = admission(group_limits={"slow": 1})
    assert offer(desk, "a1", "a2", group="slow") == [Admitted.NOW, Admitted.QUEUED]
    assert offer(desk, "a3", group="quick") == [Admitted.NOW]
    desk.release("a", "quick")
    assert desk.drain() == []
    desk.release("a", "slow")
    assert desk.drain() == ["a2"]


def test_nobody_overtakes_in_the_same_queue() -> None:
    desk = admission(namespace_in_flight_max=1)
    offer(desk, "a1", "a2")
    desk.release("a", "g")
    assert offer(desk, "a3") == [Admitted.QUEUED]
    assert desk.drain() == ["a2"]


def test_queues_are_bounded_by_namespace_and_in_all() -> None:
    desk = admission(in_flight_max=0)
    assert offer(desk, "a1", "a2", "a3", "a4", "a5")[-1] is Admitted.REFUSED
    assert offer(desk, "b1", "b2", "b3") == [Admitted.QUEUED, Admitted.QUEUED, Admitted.REFUSED]
    assert desk.queued == 6


def test_clearing_gives_back_everything_that_waits() -> None:
    desk = admission(in_flight_max=0)
    offer(desk, "a1", "b1")
    offer(desk, "a2", group="h")
    assert sorted(desk.clear()) == ["a1", "a2", "b1"]
    assert desk.queued == 0
    assert desk.drain() == []


def test_random_offers_and_releases_keep_every_limit_and_lose_nothing() -> None:
    source = random.Random(7)
    desk = admission(group_limits={"g": 2}, queued_max=50, namespace_queued_max=50)
    running: list[str] = []
    seen: Counter[str] = Counter()
    offered = 0
    for number in range(2_000):
        if source.random() < 0.5:
            item = f"{source.choice('abc')}{source.choice('gh')}{number}"
            admitted = desk.offer(item, item[0], item[1])
            offered += admitted is not Admitted.REFUSED
            running += [item] if admitted is Admitted.NOW else []
        elif running:
            done = running.pop(source.randrange(len(running)))
            seen[done] += 1
            desk.release(done[0], done[1])
            running += desk.drain()
        by_namespace = Counter(item[0] for item in running)
        assert len(running) == desk.in_flight <= 4
        assert max(by_namespace.values(), default=0) <= 3
        assert sum(item[1] == "g" for item in running) <= 2
    while running:
        done = running.pop()
        seen[done] += 1
        desk.release(done[0], done[1])
        running += desk.drain()
    assert seen.total() == offered == len(seen)
