"""Steps that publish workflows, start them, and end them from outside."""

from typing import Any

import pytest
from pytest_bdd import given, parsers, when

from tests.simulation.steps.play import NAMESPACE, Play
from tests.simulation.steps.words import value_of
from tidemill.api.engine.v1.execution_service_pb2 import CancelRequest
from tidemill.dsl import DocumentError
from tidemill.errors import TidemillError


@given(parsers.re(r'(?:version (?P<version>\S+) of )?the workflow "(?P<name>[^"]+)":'))
@when(parsers.re(r'(?:version (?P<version>\S+) of )?the workflow "(?P<name>[^"]+)" is published:'))
def is_published(play: Play, version: str | None, name: str, docstring: str) -> None:
    play.run(play.world.publish(_document(name, version, docstring)))


@given(parsers.re(r'the workflow "(?P<name>[^"]+)" is refused at "(?P<pointer>[^"]+)":'))
def is_refused(play: Play, name: str, pointer: str, docstring: str) -> None:
    with pytest.raises((TidemillError, DocumentError)) as refusal:
        play.run(play.world.publish(_document(name, None, docstring)))
    assert pointer in str(refusal.value)


@when(
    parsers.re(
        r'"(?P<workflow>[^"]+)" is started(?: for "(?P<subject>[^"]+)")?(?: with: (?P<data>.+))?',
    )
)
def is_started(play: Play, workflow: str, subject: str | None, data: str | None) -> None:
    play.begin()
    given_input = None if data is None else value_of(data)
    play.run(play.world.start(NAMESPACE, workflow, given_input, subject=subject or ""))


@when(parsers.re(r'"(?P<workflow>[^"]+)" is started for each of (?P<number>\d+) subjects'))
def is_started_for_each(play: Play, workflow: str, number: str) -> None:
    for index in range(int(number)):
        play.run(play.world.start(NAMESPACE, workflow, subject=f"subject-{index}"))


@when(
    parsers.re(
        r'the execution(?: of "(?P<workflow>[^"]+)")? for "(?P<subject>[^"]+)"'
        r' is cancelled because "(?P<reason>[^"]+)"'
    )
)
def is_cancelled(play: Play, workflow: str | None, subject: str, reason: str) -> None:
    request = CancelRequest(execution_id=play.execution(workflow, subject).execution_id, reason=reason)
    play.run(play.world.submit(NAMESPACE, cancel=request))


def _document(name: str, version: str | None, text: str) -> dict[str, Any]:
    """A whole document; the scenario leaves out what every header has."""
    given_parts = value_of(text)
    header = {"dsl": "1.0.3", "namespace": NAMESPACE, "name": name, "version": version or "1.0.0"}
    return {**given_parts, "document": {**header, **given_parts.get("document", {})}}
