"""Shapes of the twelve kinds of task."""

from collections.abc import Mapping
from typing import Final

from tidemill.dsl.shapes.kinds import choose_call, choose_task
from tidemill.dsl.shapes.shape import (
    Choice,
    Level,
    Shape,
    by_member,
    by_type,
    listing,
    mapping,
    one_of,
    record,
    scalar,
)

COMMON_PARTS: Final[Mapping[str, str]] = {
    "if": "condition",
    "input": "input",
    "output": "output",
    "export": "export",
    "timeout": "timeout or name",
    "then": "directive",
    "metadata": "open object",
}


def task(kind: str, parts: Mapping[str, str], *, required: tuple[str, ...] = ()) -> Level:
    """A task: the members of its kind beside those that every task has."""
    article = "an" if kind.lstrip("`")[0] in "aeio" else "a"
    return record(f"{article} {kind} task", {**parts, **COMMON_PARTS}, required=required or tuple(parts))


def call_task(name: str) -> Level:
    """A call over a protocol that the language knows."""
    return task(f"`call: {name}`", {"call": "function name", "with": f"{name} arguments"})


SHAPES: Final[Mapping[str, Shape]] = {
    "task list": listing("a list of tasks, each `- name: task`", "task item"),
    "branches": listing("a list of tasks, each `- name: task`", "task item"),
    "task item": mapping(
        "an object with one task, indented below its name", "task", minProperties=1, maxProperties=1
    ),
    "task": Choice("task", choose_task),
    "call task": Choice("call task", choose_call),
    **{
        f"{name} call task": call_task(name) for name in ("http", "openapi", "grpc", "asyncapi", "mcp", "a2a")
    },
    "function call task": task(
        "`call`", {"call": "function name", "with": "template object"}, required=("call",)
    ),
    "function name": scalar("the name of a function", type="string"),
    "do task": task("`do`", {"do": "task list"}),
    "set task": task("`set`", {"set": "filled template object or text"}),
    "switch task": task("`switch`", {"switch": "switch cases"}),
    "switch cases": listing("a list with at least one case", "switch case item", minItems=1),
    "switch case item": mapping(
        "an object with one case under its name", "switch case", minProperties=1, maxProperties=1
    ),
    "switch case": record("a case", {"when": "condition", "then": "directive"}, required=("then",)),
    "directive": scalar("`continue`, `exit`, `end` or the name of a task", type="string"),
    "for task": task(
        "`for`", {"for": "loop", "while": "condition", "do": "task list"}, required=("for", "do")
    ),
    "loop": record(
        "`for`", {"each": "variable name", "in": "collection", "at": "variable name"}, required=("in",)
    ),
    "collection": by_type("", string="data expression", other="inline collection"),
    "inline collection": listing("an expression or a list of objects", "template object"),
    "fork task": task("`fork`", {"fork": "fork"}),
    "fork": record("`fork`", {"branches": "branches", "compete": "flag"}, required=("branches",)),
    "try task": task("`try`", {"try": "task list", "catch": "catch"}),
    "catch": record(
        "`catch`",
        {
            "errors": "caught errors",
            "as": "variable name",
            "when": "condition",
            "exceptWhen": "condition",
            "retry": "retry",
            "do": "task list",
            "then": "directive",
        },
    ),
    "caught errors": record("`errors`", {"with": "error filter"}, lenient=True),
    "error filter": record(
        "an error filter",
        {"type": "text", "status": "whole number", "instance": "text", "title": "text", "detail": "text"},
        lenient=True,
        minProperties=1,
    ),
    "retry": by_type("", string="retry name", other="retry policy"),
    "retry name": scalar("the name of a retry policy in `use.retries`", type="string"),
    "retry policy": record(
        "a retry policy",
        {
            "when": "condition",
            "exceptWhen": "condition",
            "delay": "duration",
            "backoff": "backoff",
            "limit": "retry limit",
            "jitter": "jitter",
        },
    ),
    "backoff": by_member(
        "backoff", "an object", dict.fromkeys(("constant", "linear", "exponential"), "backoff scheme")
    ),
    "backoff scheme": record(
        "`backoff`", dict.fromkeys(("constant", "linear", "exponential"), "open object")
    ),
    "retry limit": record("`limit`", {"attempt": "attempt limit", "duration": "duration"}),
    "attempt limit": record("`attempt`", {"count": "retry count", "duration": "duration"}),
    "retry count": scalar("a whole number", type="integer"),
    "jitter": record("`jitter`", {"from": "duration", "to": "duration"}, required=("from", "to")),
    "raise task": task("`raise`", {"raise": "raise"}),
    "raise": record("`raise`", {"error": "error or name"}, required=("error",)),
    "error or name": by_type("", string="error name", other="error"),
    "error name": scalar("the name of an error in `use.errors`", type="string"),
    "error": record(
        "an error",
        {
            "type": "address",
            "status": "whole number",
            "instance": "pointer",
            "title": "template text",
            "detail": "template text",
        },
        required=("type", "status"),
    ),
    "wait task": task("`wait`", {"wait": "duration"}),
    "listen task": task("`listen`", {"listen": "listen", "foreach": "iterator"}, required=("listen",)),
    "listen": record("`listen`", {"to": "strategy", "read": "read"}, required=("to",)),
    "emit task": task("`emit`", {"emit": "emit"}),
    "emit": record("`emit`", {"event": "emitted event"}, required=("event",)),
    "run task": task("`run`", {"run": "run"}),
    "run": by_member(
        "run", "an object", {name: f"run {name}" for name in ("workflow", "shell", "script", "container")}
    ),
    **{
        f"run {name}": record("`run`", {name: f"{name} process", "await": "flag", "return": "process return"})
        for name in ("workflow", "shell", "script", "container")
    },
    "process return": one_of("what to return", "stdout", "stderr", "code", "all", "none"),
}
