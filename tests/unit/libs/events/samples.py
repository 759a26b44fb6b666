"""Events for tests of what services agree on about them."""

from typing import Any

from tidemill.api.events.v1.payload_pb2 import CloudEvent
from tidemill.expressions import Expression, Template
from tidemill.json import Json, dumps

NOW_US = 1_700_000_000_000_000


def cloud_event(event_type: str = "lead.created", data: Json = None, **attributes: Any) -> CloudEvent:  # noqa: ANN401 - any attribute
    """An event as it travels; no data unless some is given."""
    given = {"id": "1", "source": "/forms", **attributes}
    return CloudEvent(type=event_type, data=b"" if data is None else dumps(data), **given)


def evaluate(formula: Expression | Template, value: Json) -> Json:
    """Without variables, at a fixed time."""
    return formula.evaluate(value, now_us=NOW_US)
