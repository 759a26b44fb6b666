"""Random workflows: mostly what works on data like `{n: ...}`, sometimes what fails there or later."""

from random import Random
from typing import Any, TypeAlias

from tests.simulation.listens import listen, stopping

Task: TypeAlias = dict[str, Any]

LEVELS = 3
CONDITIONS = ["true", "true", "false", ".n?", ".n? > 1", "$context.seen"]
TRANSFORMATIONS: list[Any] = [".", "{n: 1}", "{n: 2}", {"n": "${ .n? }"}, "{n: (.n? // 0)}", ".n?"]
EXPORTS = ["{seen: .}", "$context", "{n: 1}", "$output"]
SETS: list[Any] = [{"n": 1}, {"n": "${ .n? }"}, "${ . }", {"n": "${ [.n?, 1] }"}]
ARGUMENTS: list[Any] = [{}, {}, {"n": "${ .n? }"}, {"n": "${ . }"}]
ITEMS: list[Any] = ["[1, 2, 3]", "[range(20)]", "[1, 2]", [{"n": "${ .n? }"}, {"n": 2}], "[]", ".n"]
LEAVES = (
    ["call"] * 8
    + ["wait"] * 4
    + ["listen"] * 4
    + ["set"] * 3
    + ["run"] * 3
    + ["pace", "until"]
    + ["emit", "switch", "raise"]
)
BLOCKS = ["do", "for", "for", "fork", "fork", "foreach", "foreach", "try", "try", "try"]
FAILING = ". + {} + 1"


def workflow(random: Random) -> tuple[list[Task], Task]:
    """The tasks of a workflow, and its other members."""
    members: Task = {}
    if once_in(random, 4):
        members["timeout"] = {"after": {"seconds": random.randint(5, 30)}}
    if once_in(random, 10):
        members["output"] = {"as": random.choice([*TRANSFORMATIONS, FAILING])}
    if once_in(random, 30):
        members["input"] = {"from": random.choice([*TRANSFORMATIONS, FAILING])}
    if once_in(random, 12):
        members["document"] = stopping(random)
    return tasks(random, 0, random.randint(1, 4)), members


def tasks(random: Random, level: int, count: int | None = None, *, jumps: bool = True) -> list[Task]:
    """Tasks side by side, which may jump to each other."""
    wanted = random.choice([0, 1, 2, 2, 3, 3]) if count is None else count
    names = [f"t{index}" for index in range(wanted)]
    targets = names if jumps else []
    return [{name: task(random, level, targets)} for name in names]


def task(random: Random, level: int, targets: list[str]) -> Task:
    """One task of any kind."""
    is_block = level < LEVELS and once_in(random, 2)
    definition = block(random, level, targets) if is_block else leaf(random, targets)
    return definition | common(random, targets)


def common(random: Random, targets: list[str]) -> Task:
    """Properties that every task may have; each is rare, so that most tasks run."""
    members: Task = {}
    if once_in(random, 10):
        members["if"] = random.choice(CONDITIONS)
    if once_in(random, 10):
        members["input"] = {"from": random.choice(TRANSFORMATIONS)}
    if once_in(random, 10):
        members["output"] = {"as": random.choice(TRANSFORMATIONS)}
    if once_in(random, 10):
        members["export"] = {"as": random.choice(EXPORTS)}
    if once_in(random, 5):
        members["timeout"] = {"after": seconds(random)}
    if once_in(random, 12):
        members["then"] = random.choice(["continue", "exit", "end", *targets])
    if once_in(random, 40):
        place = random.choice(["input", "output", "export"])
        members[place] = {"from" if place == "input" else "as": FAILING}
    return members


def leaf(random: Random, targets: list[str]) -> Task:
    """A task that holds no others."""
    match random.choice(LEAVES):
        case "set":
            return {"set": random.choice(SETS)}
        case "call":
            return {"call": "work:1.0.0", "with": random.choice(ARGUMENTS)}
        case "wait":
            return {"wait": seconds(random)}
        case "listen":
            return listen(random)
        case "run":
            workflow: Task = {"namespace": "shop", "name": "child", "input": random.choice(ARGUMENTS)}
            return {"run": {"workflow": workflow, "await": not once_in(random, 4)}}
        case "pace":
            return {"call": "pace:1.0.0@default", "with": {"limit": 2, "per": seconds(random)}}
        case "until":
            policy = random.choice(["continue", "skip", "fault"])
            at = f"${{ now + {random.randint(-3, 9)} }}"
            return {"call": "waitUntil:1.0.0@default", "with": {"at": at, "pastDue": policy}}
        case "raise":
            error = {"type": "https://example.com/e", "status": random.choice([400, 503])}
            return {"raise": {"error": error}}
        case "emit":
            return {"emit": {"event": {"with": {"type": "t", "data": "${ . }"}}}}
        case _:
            then = random.choice(["exit", "end", *targets])
            return {"switch": [{"case": {"when": random.choice(CONDITIONS), "then": then}}]}


def block(random: Random, level: int, targets: list[str]) -> Task:
    """A task that holds others."""
    match random.choice(BLOCKS):
        case "do":
            return {"do": tasks(random, level + 1)}
        case "for":
            loop: Task = {"for": {"in": random.choice(ITEMS)}, "do": tasks(random, level + 1)}
            return loop | ({"while": "$index < 2"} if once_in(random, 3) else {})
        case "foreach":
            return {**listen(random), "foreach": foreach(random, level)}
        case "fork":
            branches = tasks(random, level + 1, jumps=False)
            return {"fork": {"branches": branches, "compete": once_in(random, 2)}}
        case _:
            return {"try": tasks(random, level + 1), "catch": catch(random, level, targets)}


def foreach(random: Random, level: int) -> Task:
    """What a `listen` does with each event."""
    members: Task = {"do": tasks(random, level + 1, random.choice([0, 1, 1, 2]))}
    if once_in(random, 3):
        members["output"] = {"as": random.choice([*TRANSFORMATIONS, "$item", "[$index]", FAILING])}
    if once_in(random, 3):
        members["export"] = {"as": random.choice(EXPORTS)}
    return members


def catch(random: Random, level: int, targets: list[str]) -> Task:
    """What a `try` does with errors."""
    members: Task = {}
    if once_in(random, 4):
        members["errors"] = {"with": {"status": random.choice([400, 408, 503])}}
    if once_in(random, 8):
        members["when"] = random.choice(["$error.status == 503", ".n?", FAILING])
    if once_in(random, 2):
        members["retry"] = retry(random)
    if once_in(random, 2):
        members["do"] = tasks(random, level + 1)
    if once_in(random, 6):
        members["then"] = random.choice(["continue", "exit", "end", *targets])
    return members


def retry(random: Random) -> Task:
    """A retry policy that gives up soon."""
    limit: Task = {"attempt": {"count": random.randint(0, 4)}}
    policy: Task = {"limit": limit}
    if once_in(random, 2):
        policy["delay"] = seconds(random)
    if once_in(random, 3):
        limit["attempt"]["duration"] = seconds(random)
    if once_in(random, 3):
        limit["duration"] = seconds(random)
    if once_in(random, 3):
        policy["jitter"] = {"from": {"seconds": 0}, "to": seconds(random)}
    if once_in(random, 3):
        policy["backoff"] = {random.choice(["constant", "linear", "exponential"]): {}}
    return policy


def seconds(random: Random) -> Task:
    """A duration of a few seconds."""
    return {"seconds": random.randint(1, 9)}


def once_in(random: Random, times: int) -> bool:
    """True once in so many times."""
    return random.randint(1, times) == times
