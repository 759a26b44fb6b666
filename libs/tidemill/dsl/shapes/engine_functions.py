"""Shapes of the arguments of the functions of the default catalog, which the Engine runs itself.

The language leaves the `with` of a function open. So these stand beside its table, and a value that is an
expression as a whole passes: what it gives is looked at when it runs.
"""

from collections.abc import Mapping
from typing import Final

from tidemill.dsl import limits
from tidemill.dsl.shapes.shape import (
    ANY,
    Choice,
    Shape,
    UndecidedError,
    listing,
    one_of,
    record,
    scalar,
    text,
)
from tidemill.dsl.shapes.values import is_expression
from tidemill.json import Json


def _given(name: str) -> Choice:
    """A literal of a shape, or an expression (which the rule of the whole `with` has looked at)."""
    return Choice("", lambda value: ANY if is_expression(value) else name)


def _choose_wait(value: Json) -> str:
    members = value if isinstance(value, dict) else {}
    if ("at" in members) == ("window" in members):
        raise UndecidedError("of `waitUntil` needs exactly one of `at` and `window`")
    if "window" in members and "pastDue" in members:
        raise UndecidedError("of `waitUntil` has `pastDue` only together with `at`: a window comes again")
    return "waitUntil parts"


def _whole(name: str, to_fill: str = ANY) -> Choice:
    """A shape for what is judged as a whole; `to_fill` stands for it where parts of it are expressions."""

    def choose(value: Json) -> str:
        if is_expression(value):
            return ANY
        return to_fill if _holds_expressions(value) else name

    return Choice("", choose)


def _holds_expressions(value: Json) -> bool:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if is_expression(item):
            return True
        waiting.extend(item.values() if isinstance(item, dict) else item if isinstance(item, list) else ())
    return False


_WINDOW: Final[Mapping[str, str]] = dict.fromkeys(("days", "from", "to"), ANY)

SHAPES: Final[Mapping[str, Shape]] = {
    "waitUntil arguments": Choice("", _choose_wait),
    "waitUntil parts": record(
        "the `with` of `waitUntil`",
        {"at": "moment or expression", "window": "window or expression"}
        | {"timezone": "time zone or expression", "pastDue": "past due or expression"},
    ),
    "moment or expression": _whole("moment"),
    "moment": scalar("a time"),
    "window or expression": _whole("window", "window to fill"),
    "window": record("a window", _WINDOW, required=("from", "to")),
    "window to fill": record("a window", _WINDOW, required=("from", "to")),
    "time zone or expression": _given("time zone"),
    "past due or expression": _given("past due"),
    "past due": one_of("what to do about a time that is past", "continue", "skip", "fault"),
    "split arguments": record(
        "the `with` of `split`", {"branches": "weighted branches or expression"}, required=("branches",)
    ),
    "weighted branches or expression": _given("weighted branches"),
    "weighted branches": listing(
        f"a list of 1 to {limits.SPLIT_BRANCHES_MAX} branches, each `{{ name, weight }}`",
        "weighted branch or expression",
        minItems=1,
        maxItems=limits.SPLIT_BRANCHES_MAX,
    ),
    "weighted branch or expression": _given("weighted branch"),
    "weighted branch": record(
        "a branch of `split`",
        {"name": "branch name or expression", "weight": "weight or expression"},
        required=("name", "weight"),
    ),
    "branch name or expression": _given("branch name"),
    "branch name": text("a name of at least one character", minLength=1),
    "weight or expression": _given("weight"),
    "weight": scalar("a whole number, at least 0", type="integer", minimum=0),
    "pace arguments": record(
        "the `with` of `pace`",
        {"limit": "pace limit or expression", "per": "pace period or expression"}
        | {"key": "pace key or expression"},
        required=("limit", "per"),
    ),
    "pace limit or expression": _given("pace limit"),
    "pace limit": scalar(
        f"a whole number from 1 to {limits.PACE_LIMIT_MAX}",
        type="integer",
        minimum=1,
        maximum=limits.PACE_LIMIT_MAX,
    ),
    "pace period or expression": _whole("duration"),
    "pace key or expression": _given("pace key"),
    "pace key": text("text of at least one character", minLength=1),
}
