"""Shapes of our own part of a document's metadata: the policies of a workflow."""

from collections.abc import Mapping
from typing import Final

from tidemill.dsl.shapes.shape import Shape, by_type, listing, one_of, record, scalar, text

SHAPES: Final[Mapping[str, Shape]] = {
    "policies": record(
        "`tidemill` metadata",
        {
            "orderingKey": "condition",
            "reentry": "reentry",
            "stopOn": "stop filters",
            "timezone": "time zone",
            "missedFires": "missed fires",
        },
    ),
    "reentry": by_type("", object="reentry cooldown", other="reentry word"),
    "reentry word": one_of("a rule of re-entry (or `{ cooldown: DURATION }`)", "always", "once", "afterExit"),
    "reentry cooldown": record("a rule of re-entry", {"cooldown": "duration"}, required=("cooldown",)),
    "stop filters": listing("a list with at least one event filter", "stop filter", minItems=1),
    "stop filter": record(
        "an event filter of `stopOn`",
        {"with": "filtered attributes", "reason": "text"},
        required=("with",),
    ),
    "time zone": text("the name of a time zone, such as `Europe/Paris`"),
    "missed fires": scalar("a rule of missed fire times"),
}
