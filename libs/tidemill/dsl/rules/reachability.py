"""Which tasks of a list can run: a search from its first task over every way that a task can go on."""

from collections.abc import Iterator, Mapping

from tidemill.dsl.default_catalog import default_function
from tidemill.dsl.pointers import task_pointer
from tidemill.dsl.problems import Problem
from tidemill.dsl.rules.rule import Check
from tidemill.dsl.walk import Place
from tidemill.json import Json

Task = Mapping[str, Json]

_CONTINUE = "continue"
_EXIT = "exit"
_END = "end"


def unreachable(place: Place, check: Check) -> Iterator[Problem]:
    """A warning for each task that nothing leads to; nothing for a list whose tasks have no clear names."""
    tasks = _named_tasks(place.value)
    if tasks is None:
        return
    reached, _ = _reached(tasks, check)
    for index, (name, _task) in enumerate(tasks):
        if index not in reached:
            pointer = task_pointer(place.pointer, index, name)
            yield Problem(pointer, f"`{name:.80}` can never run: nothing leads to it", "warning")


def _named_tasks(value: Json) -> list[tuple[str, Task]] | None:
    """The tasks by name; None where one is malformed or shares its name."""
    items = value if isinstance(value, list) else []
    tasks: list[tuple[str, Task]] = [
        (name, task)
        for item in items
        if isinstance(item, dict)
        for name, task in item.items()
        if isinstance(task, dict)
    ]
    return tasks if len(tasks) == len(items) == len(dict(tasks)) else None


def _reached(tasks: list[tuple[str, Task]], check: Check) -> tuple[set[int], bool]:
    """The positions that a run of the list can come to, and whether it can come to the list's end."""
    positions = {_EXIT: len(tasks)} | {name: index for index, (name, _) in enumerate(tasks)}
    reached: set[int] = set()
    ends = False
    waiting = [0]
    while waiting:
        index = waiting.pop()
        if index >= len(tasks):
            ends = True
        elif index not in reached:
            reached.add(index)
            targets = set(_leads_to(tasks[index][1], check)) - {_END}
            # A target that there is not has an error of its own, and is taken for the next task here.
            waiting.extend(positions.get(target, index + 1) for target in targets)
    return reached, ends


def _ends(value: Json, check: Check) -> bool:
    """Whether a list of tasks can come to its end, rather than always end the workflow, fail or go round."""
    known = check.lists_that_end.get(id(value))
    if known is None:
        tasks = _named_tasks(value)
        known = check.lists_that_end[id(value)] = tasks is None or _reached(tasks, check)[1]
    return known


def _leads_to(task: Task, check: Check) -> Iterator[str]:
    """Every place that a task may go on to; `continue` is the next one. Conditions may hold or not."""
    if "if" in task:
        yield _CONTINUE
    if "switch" in task:
        yield from _cases(task)
    elif "try" in task:
        yield from _tries(task, check)
    elif _completes(task, check):
        yield _target(task)
    if _may_skip(task):
        yield _EXIT


def _may_skip(task: Task) -> bool:
    """Whether a `waitUntil` may leave its list for a time that is past, whatever its `then` says."""
    given = task.get("with")
    if default_function(task.get("call")) != "waitUntil" or not isinstance(given, dict):
        return False
    return given.get("pastDue", "continue") not in ("continue", "fault")


def _completes(task: Task, check: Check) -> bool:
    """Whether a task can come to its own end. A `for` and a `foreach` may have no round at all."""
    if "raise" in task:
        return False
    if "fork" in task:
        return _joins(task["fork"], check)
    return "for" in task or "do" not in task or _ends(task["do"], check)


def _joins(fork: Json, check: Check) -> bool:
    """Whether a fork can end: when every branch does, in a race when one does."""
    branches = _named_tasks(fork.get("branches")) if isinstance(fork, dict) else None
    if not isinstance(fork, dict) or not branches:
        return True
    ending = [any(target != _END for target in _leads_to(task, check)) for _, task in branches]
    return any(ending) if fork.get("compete") is True else all(ending)


def _cases(task: Task) -> Iterator[str]:
    """Where the cases lead, and the task's own `then` where no case needs to hold."""
    items = task["switch"]
    cases = [
        case
        for item in (items if isinstance(items, list) else [])
        if isinstance(item, dict)
        for case in item.values()
    ]
    yield from map(_target, cases)
    if all(isinstance(case, dict) and "when" in case for case in cases):
        yield _target(task)


def _tries(task: Task, check: Check) -> Iterator[str]:
    """The way after the tasks, and the way after an error that is caught for good."""
    if _ends(task["try"], check):
        yield _target(task)
    catch = task.get("catch")
    catch = catch if isinstance(catch, dict) else {}
    handles = "do" in catch or "then" in catch or "retry" not in catch
    if handles and ("do" not in catch or _ends(catch["do"], check)):
        yield _target(catch) if "then" in catch else _target(task)


def _target(holder: "Json | Task") -> str:
    target = holder.get("then", _CONTINUE) if isinstance(holder, Mapping) else _CONTINUE
    return target if isinstance(target, str) else _CONTINUE
