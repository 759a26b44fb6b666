"""One trace leads from an event through Triggers and the Engine to the call that it brings about."""

import re
from pathlib import Path

import pytest

from tests.e2e.running import RunningStack
from tidemill.api.events.v1.payload_pb2 import CloudEvent

pytestmark = pytest.mark.e2e

DOCUMENT = """
document: {dsl: '1.0.3', namespace: shop, name: traced, version: 1.0.0}
schedule: {on: {one: {with: {type: com.example.traced}}}}
do:
  - work: {call: 'tidemill.noop:1.0.0'}
"""
SPAN = re.compile(r'"name": "([^"]+)",\s+"context": \{\s+"trace_id": "([^"]+)"')
WANTED = {
    "triggers": "triggers.publish",
    "engine": "/tidemill.api.engine.v1.ExecutionService/Submit",
    "actions": "actions.call",
}


def traces(data: Path, service: str, span: str) -> set[str]:
    """The traces in which a service has made such a span."""
    log = data / f"{service}.log"
    found = SPAN.findall(log.read_text()) if log.exists() else []
    return {trace for name, trace in found if name == span}


def test_an_event_and_the_call_it_leads_to_are_one_trace(tmp_path: Path) -> None:
    settings = {"OTEL_TRACES_EXPORTER": "console", "OTEL_BSP_SCHEDULE_DELAY": "100"}
    with RunningStack(tmp_path, **settings) as running:
        running.publish(DOCUMENT)
        event = CloudEvent(id="1", source="/shop", type="com.example.traced", subject="ada", data=b"{}")
        running.wait(running.client.events.publish("shop", [event]))

        def in_one_trace() -> bool:
            return bool(set.intersection(*(traces(tmp_path, *wanted) for wanted in WANTED.items())))

        running.until(in_one_trace)
