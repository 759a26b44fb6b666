"""Which kind of task an object is, and which call: the first question asked of every task."""

from collections.abc import Mapping
from typing import Final

from tidemill.dsl.shapes.shape import UndecidedError
from tidemill.json import Json

# `for` has a `do` of its own, so it is asked for first.
TASK_KINDS: Final = (
    *("for", "do", "set", "switch", "fork", "try", "raise", "wait", "listen", "emit", "call", "run"),
)
PROTOCOLS: Final = ("http", "openapi", "grpc", "asyncapi", "mcp", "a2a")


def task_kind(task: Mapping[str, Json]) -> str:
    """The kind of a task: `do`, `set`, `call` and so on. Raises ValueError for an object with none or two."""
    try:
        return _kind(task)
    except UndecidedError as undecided:
        raise ValueError(f"a task {undecided}") from None


def _kind(task: Mapping[str, Json]) -> str:
    kinds = [kind for kind in TASK_KINDS if kind in task]
    if kinds[:2] == ["for", "do"]:
        kinds.remove("do")
    if len(kinds) == 1:
        return kinds[0]
    if not kinds:
        raise UndecidedError(f"needs a kind, one of {', '.join(f'`{kind}`' for kind in sorted(TASK_KINDS))}")
    raise UndecidedError(f"has one kind, and this one has {' and '.join(f'`{kind}`' for kind in kinds)}")


def choose_task(value: Json) -> str:
    """The shape of a task."""
    if not isinstance(value, dict):
        raise UndecidedError("must be a task, an object such as `{ wait: PT5S }`")
    try:
        return f"{_kind(value)} task"
    except UndecidedError as undecided:
        raise UndecidedError(f"is a task, which {undecided}") from None


def choose_call(value: Json) -> str:
    """The shape of a call task: its protocol's, or that of a function."""
    name = value.get("call") if isinstance(value, dict) else None
    return f"{name} call task" if name in PROTOCOLS else "function call task"
