"""Random workflows that call functions of their own, and whose tasks are extended."""

from random import Random
from typing import Any

from tests.simulation.workflows import ARGUMENTS, CONDITIONS, FAILING, Task, once_in, task, tasks, workflow
from tidemill.dsl.task_lists import lists_of

# Deep enough for a block in a function, and not for many.
LEVEL = 2
TARGETS = [
    *("all", "call", "composite", "emit", "for", "listen", "raise", "run", "set", "switch", "try", "wait")
]
WHEN = [*CONDITIONS, '$task.name == "t1"', "$task.with.n == 1", "$input.n", FAILING]


def reusing_workflow(random: Random) -> tuple[list[Task], Task]:
    """The tasks of a workflow, and its other members, among them `use`."""
    plain, members = workflow(random)
    functions: Task = {}
    for name in ("f0", "f1", "f2"):
        # Each calls those before it.
        functions[name] = calling(random, task(random, LEVEL, []), list(functions))
    extensions = [{f"e{index}": extension(random, functions)} for index in range(random.randint(1, 3))]
    use: Task = {"functions": functions, "extensions": extensions}
    return calling_all(random, plain, list(functions)), {**members, "use": use}


def extension(random: Random, functions: Task) -> Task:
    """An extension whose tasks may call functions, and may leave the task that they extend."""
    members: Task = {"extend": random.choice(["all", *TARGETS[:4]] if once_in(random, 2) else TARGETS)}
    if once_in(random, 3):
        members["when"] = random.choice(WHEN)
    for side in ("before", "after"):
        count = random.randint(0, 2)
        members[side] = calling_all(random, tasks(random, LEVEL, count), list(functions))
    return members


def calling_all(random: Random, listed: list[Any], functions: list[str]) -> list[Task]:
    """Tasks of which some call functions."""
    for item in listed:
        for name, definition in item.items():
            item[name] = calling(random, definition, functions)
    return listed


def calling(random: Random, definition: Task, functions: list[str]) -> Task:
    """A task where some calls of the outside, its own and those inside, are calls of functions."""
    for _, listed in lists_of(definition):
        calling_all(random, listed, functions)
    if functions and definition.get("call") == "work:1.0.0" and not once_in(random, 4):
        return {**definition, "call": random.choice(functions), "with": random.choice(ARGUMENTS)}
    return definition
