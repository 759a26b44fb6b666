"""Rules about the order of tasks: their names, where `then` leads, which of them can never run."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from tidemill.dsl import limits
from tidemill.dsl.pointers import child, task_pointer
from tidemill.dsl.problems import Problem
from tidemill.dsl.rules.reachability import unreachable
from tidemill.dsl.rules.rule import Check, RuleTable
from tidemill.dsl.walk import Place

DIRECTIVES: Final = ("continue", "exit", "end")


def task_list(place: Place, check: Check) -> Iterator[Problem]:
    """A scope of tasks that run one after the other."""
    yield from branches(place, check)
    yield from unreachable(place, check)


def branches(place: Place, _check: Check) -> Iterator[Problem]:
    """Any scope of tasks: names are its addresses."""
    if place.scope.task_levels >= limits.TASK_LEVELS_MAX:
        yield place.problem(f"tasks may be nested {limits.TASK_LEVELS_MAX} levels deep")
    items = place.value if isinstance(place.value, list) else []
    if len(items) > limits.TASKS_PER_LIST_MAX:
        yield place.problem(f"a list may have {limits.TASKS_PER_LIST_MAX} tasks")
    seen: set[str] = set()
    for index, item in enumerate(items):
        for name in item if isinstance(item, dict) else ():
            fault = _name_fault(name, seen)
            if fault:
                yield Problem(task_pointer(place.pointer, index, name), fault)
            seen.add(name)


def _name_fault(name: str, seen: set[str]) -> str:
    if name in seen:
        return f"another task of this list is named `{name:.80}` too"
    if name in DIRECTIVES:
        return f"a task may not be named `{name}`, which is a flow directive"
    if not name or len(name) > limits.NAME_CHARACTERS_MAX:
        return f"a task needs a name of 1 to {limits.NAME_CHARACTERS_MAX} characters"
    return ""


def directive(place: Place, _check: Check) -> Iterator[Problem]:
    """`then` leads on, out, or to a task of the same list."""
    target = str(place.value)
    if target in place.scope.repeated_siblings:
        yield place.problem(f"`{target:.80}` is ambiguous: several tasks of this list have that name")
    if target in DIRECTIVES or target in place.scope.siblings:
        return
    siblings = sorted(place.scope.siblings)[:10]
    tasks = (
        f" or a task of the same list ({', '.join(f'`{name:.40}`' for name in siblings)})" if siblings else ""
    )
    yield place.problem(f"`{target:.80}` is not a place to go: use `continue`, `exit`, `end`{tasks}")


def switch_cases(place: Place, _check: Check) -> Iterator[Problem]:
    """One case may have no `when`."""
    defaults = 0
    for index, item in enumerate(place.value if isinstance(place.value, list) else []):
        for name, case in item.items() if isinstance(item, dict) else ():
            defaults += isinstance(case, dict) and "when" not in case
            if defaults > 1:
                pointer = child(child(place.pointer, index), name)
                yield Problem(pointer, f"`{name:.80}` is a second default: only one case may have no `when`")
                return


RULES: Final[RuleTable] = MappingProxyType(
    {"task list": task_list, "branches": branches, "directive": directive, "switch cases": switch_cases}
)
