"""Shapes of events: what is emitted, what is listened to, and how consumed events are gone through."""

from collections.abc import Mapping
from typing import Final

from tidemill.dsl.shapes.shape import (
    Choice,
    Level,
    Shape,
    UndecidedError,
    by_member,
    by_type,
    listing,
    mapping,
    one_of,
    record,
)
from tidemill.json import Json


def _attributes(noun: str, flavour: str, *, required: tuple[str, ...] = (), least: int = 0) -> Level:
    """CloudEvents attributes; extension attributes have any name."""
    parts = {
        "id": f"text{flavour}",
        "source": f"address{flavour}",
        "type": f"text{flavour}",
        "time": f"time{flavour}",
        "subject": f"text{flavour}",
        "datacontenttype": f"text{flavour}",
        "dataschema": f"address{flavour}",
        "data": f"template{flavour}",
    }
    if not flavour:
        parts |= {name: "template text" for name, shape in parts.items() if shape == "text"}
    schema: dict[str, Json] = {"type": "object", "required": list(required), "minProperties": least}
    return Level("", noun, schema, parts, each=f"template{flavour}")


_STRATEGY: Final = {"all": "listen to all", "any": "listen to any", "one": "listen to one"}


def _closing_strategy(value: Json) -> str:
    if isinstance(value, dict) and "until" in value:
        raise UndecidedError("may not have an `until` of its own")
    return "strategy"


SHAPES: Final[Mapping[str, Shape]] = {
    "emitted event": record("an event to emit", {"with": "emitted attributes"}, lenient=True),
    "emitted attributes": _attributes("an event to emit", "", required=("type",)),
    "strategy": by_member("strategy", "an object", _STRATEGY),
    "listen to all": record("a listener to `all`", {"all": "event filters"}),
    "listen to any": record("a listener to `any`", {"any": "event filters", "until": "until"}),
    "listen to one": record("a listener to `one`", {"one": "event filter"}),
    "until": by_type("", string="condition", other="closing strategy"),
    "closing strategy": Choice("closing strategy", _closing_strategy),
    "event filters": listing("a list of event filters", "event filter"),
    "event filter": record(
        "an event filter", {"with": "filtered attributes", "correlate": "correlations"}, required=("with",)
    ),
    "filtered attributes": _attributes("an object with at least one attribute of events", " filter", least=1),
    "correlations": mapping("an object of correlations", "correlation"),
    "correlation": record(
        "a correlation", {"from": "condition", "expect": "template text"}, required=("from",), lenient=True
    ),
    "read": one_of("what to read of events", "data", "envelope", "raw"),
    "iterator": record(
        "`foreach`",
        {
            "item": "variable name",
            "at": "variable name",
            "do": "task list",
            "output": "output",
            "export": "export",
        },
    ),
}
