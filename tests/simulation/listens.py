"""Random waits for events, and random events that some of them take."""

from random import Random
from typing import Any, TypeAlias

from tests.unit.core.listener import with_policies

Task: TypeAlias = dict[str, Any]

TYPES = ["a", "b", "c"]
SUBJECTS = ["", "", "ann", "bob"]
WANTED: list[Any] = ["${ .n? != 3 }", "${ $context.seen or true }", {"n": 1}, "${ . + {} }"]
CORRELATIONS: list[Task] = [
    {"from": ".data.n?"},
    {"from": ".data.n?"},
    {"from": ".data.n?", "expect": "${ .n? // 1 }"},
    {"from": ".data.n?", "expect": "${ .n? }"},
    {"from": ".source", "expect": "/shop"},
]
CONDITIONS = ["length > 1", "length > 2", "$context.seen", "false", "length + {}"]
READINGS = ["data", "data", "envelope", "raw"]


def listen(random: Random) -> Task:
    """A wait for events."""
    return {"listen": {"to": strategy(random), "read": random.choice(READINGS)}}


def strategy(random: Random) -> Task:
    """What is waited for."""
    filters = [event_filter(random) for _ in range(random.randint(1, 2))]
    match random.choice(["one", "any", "all", "empty", "condition", "consumed"]):
        case "one":
            return {"one": filters[0]}
        case "any":
            return {"any": filters}
        case "all":
            return {"all": filters if random.random() < 0.9 else []}
        case "empty":
            return {"any": [], "until": random.choice(CONDITIONS)}
        case "condition":
            return {"any": filters, "until": random.choice(CONDITIONS)}
        case _:
            kind = random.choice(["any", "all"])
            return {"any": filters, "until": {kind: [event_filter(random) for _ in filters]}}


def event_filter(random: Random) -> Task:
    """One filter; most take what comes."""
    wanted: Task = {"type": random.choice(TYPES)}
    if random.random() < 0.2:
        wanted["data"] = random.choice(WANTED)
    if random.random() < 0.1:
        wanted["subject"] = "ann"
    if random.random() < 0.3:
        return {"with": wanted, "correlate": {"n": random.choice(CORRELATIONS)}}
    return {"with": wanted}


def stopping(random: Random) -> Task:
    """The header of a workflow that an event may end."""
    stops = [{"with": {"type": "c", "data": random.choice(WANTED)}}]
    return with_policies({"stopOn": stops})
