"""What is known where: the variables of expressions, the tasks that `then` may name, secrets."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from tidemill.dsl.default_catalog import default_function
from tidemill.dsl.function_calls import is_from_outside
from tidemill.json import Json

# The specification's table of runtime expression arguments; calls and authentication alone add `secrets`.
_BEFORE_TASK: Final = frozenset({"context", "task", "workflow", "runtime"})
_IN_TASK: Final = _BEFORE_TASK | {"input", "authorization"}
_AFTER_TASK: Final = _IN_TASK | {"output"}
_WORKFLOW_INPUT: Final = frozenset({"workflow", "runtime"})
_WORKFLOW_TIMEOUT: Final = _WORKFLOW_INPUT | {"input"}
_WORKFLOW_OUTPUT: Final = _WORKFLOW_INPUT | {"context"}
# Events are matched before there is an execution.
_EVENT: Final[frozenset[str]] = frozenset()

ARGUMENTS: Final = _AFTER_TASK | {"secrets"}

_OF_TASK_MEMBER: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {"if": _BEFORE_TASK, "input": _BEFORE_TASK, "export": _AFTER_TASK}
)
_OF_WORKFLOW_MEMBER: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "document": _EVENT,
        "schedule": _EVENT,
        "input": _WORKFLOW_INPUT,
        "timeout": _WORKFLOW_TIMEOUT,
        "output": _WORKFLOW_OUTPUT,
    }
)


# What stands in calls, and is evaluated by the engine, which has no secrets: how long it waits for an answer,
# where it sends a message, and what it asks of messages. The tasks of a subscription are like any.
_OF_THE_ENGINE: Final = frozenset(
    {
        ("mcp arguments", "timeout"),
        ("asyncapi server", "variables"),
        ("asyncapi call arguments", "subscription"),
    }
)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a place sees. `shared` marks `use`, whose components get the variables of whoever uses them."""

    arguments: frozenset[str] = _IN_TASK
    own_variables: frozenset[str] = frozenset()
    siblings: frozenset[str] = frozenset()
    repeated_siblings: frozenset[str] = frozenset()
    secrets: bool = False
    shared: bool = False
    task_levels: int = 0
    # The functions of the document, and those of its catalogs, run in the engine.
    functions: frozenset[str] = frozenset()
    catalogs: frozenset[str] = frozenset()

    @property
    def variables(self) -> frozenset[str] | None:
        """The names that an expression may use; None where only its user knows."""
        if self.shared:
            return None
        return self.arguments | self.own_variables

    def declare(self, *names: str) -> "Scope":
        """The scope in which loop or error variables are known too."""
        return replace(self, own_variables=self.own_variables | set(names))


def inside(level: str, value: Json, scope: Scope) -> Scope:
    """The scope of the members of a place, as far as all of them share it."""
    match level:
        case "task list":
            return _among(scope, Counter(task_names(value)))
        case "branches":
            return _among(scope, Counter())
        case "named functions" | "extension":
            return replace(scope, shared=False, arguments=_IN_TASK)
        case "named authentications":
            return replace(scope, secrets=True)
        case _:
            return scope


def task_names(tasks: Json) -> list[str]:
    """The names of the tasks in a list, however malformed the list is."""
    items = tasks if isinstance(tasks, list) else []
    return [name for item in items if isinstance(item, dict) for name in item]


def _among(scope: Scope, names: Counter[str]) -> Scope:
    """The scope of tasks beside each other, one level further down."""
    return replace(
        scope,
        siblings=frozenset(names),
        repeated_siblings=frozenset(name for name, count in names.items() if count > 1),
        secrets=False,
        task_levels=scope.task_levels + 1,
    )


def member(level: str, key: str, value: Json, scope: Scope) -> Scope:
    """The scope of one member of an object: `value` is the object, `scope` that of its members together."""
    if level == "workflow":
        return replace(scope, shared=key == "use", arguments=_OF_WORKFLOW_MEMBER.get(key, _IN_TASK))
    if level.endswith(" task"):
        scope = replace(scope, arguments=_OF_TASK_MEMBER.get(key, _IN_TASK))
        scope = (
            replace(scope, secrets=True)
            if key == "with" and _leaves_the_engine(level, value, scope)
            else scope
        )
    if (level, key) in _OF_THE_ENGINE:
        scope = replace(scope, secrets=False)
    if (level, key) == ("iterator", "export"):
        scope = replace(scope, arguments=_AFTER_TASK)
    if (level, key) == ("correlation", "from"):
        # It is asked of events before anybody is known who waits for them.
        scope = replace(scope, shared=False, arguments=frozenset(), own_variables=frozenset())
    declare = _DECLARING.get((level, key))
    return scope.declare(*declare(value)) if declare else scope


def _leaves_the_engine(level: str, task: Json, scope: Scope) -> bool:
    """Whether a task is a call that the Action service makes: it alone sees secrets."""
    if level != "function call task":
        return level.endswith("call task")
    called = task.get("call") if isinstance(task, dict) else None
    if default_function(called) or is_from_outside(called, scope.catalogs):
        return False
    return not (isinstance(called, str) and called in scope.functions)


def _loop_variables(value: Json) -> tuple[str, ...]:
    loop = value.get("for") if isinstance(value, dict) else None
    return _named(loop, "each", "item"), _named(loop, "at", "index")


def _iterator_variables(value: Json) -> tuple[str, ...]:
    return _named(value, "item", "item"), _named(value, "at", "index")


def _error_variable(value: Json) -> tuple[str, ...]:
    return (_named(value, "as", "error"),)


def _named(value: Json, key: str, default: str) -> str:
    name = value.get(key) if isinstance(value, dict) else None
    return name if isinstance(name, str) else default


_DECLARING: Final[Mapping[tuple[str, str], Callable[[Json], tuple[str, ...]]]] = MappingProxyType(
    {
        **dict.fromkeys((("for task", "while"), ("for task", "do")), _loop_variables),
        **{("iterator", key): _iterator_variables for key in ("do", "output", "export")},
        **{("catch", key): _error_variable for key in ("when", "exceptWhen", "retry", "do")},
    }
)
