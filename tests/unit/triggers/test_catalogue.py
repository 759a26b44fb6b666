"""Snapshots, changes, and when the index may be believed."""

import pytest
import structlog

from tests.contract.fake_engine import definition
from tests.unit.triggers.parts import SILENCE_US_MAX, Service, metric
from tests.unit.triggers.samples import NAMESPACE, document, event, one
from tidemill.api.engine.v1.definition_service_pb2 import Definition, WatchDefinitionsResponse
from tidemill.triggers.catalogue import Catalogue
from tidemill.triggers.errors import NotReadyError

A, B = (document(one(type="a"), name=name) for name in "ab")


def in_force(catalogue: Catalogue, event_type: str = "a") -> list[str]:
    matched = catalogue.index().match(NAMESPACE, event(event_type))
    return [f"{item.condition.workflow}:{item.condition.version_text}" for item in matched]


async def receive(service: Service, *definitions: Definition, revision: int = 1) -> int | None:
    message = WatchDefinitionsResponse(revision=revision, definitions=definitions, snapshot_complete=True)
    return await service.catalogue.receive(message, asked_us=service.clock.monotonic_us())


async def test_a_snapshot_in_parts_is_in_force_once_it_is_whole() -> None:
    service = Service()
    service.catalogue.begin()
    assert await service.receive(A, complete=False) is None
    with pytest.raises(NotReadyError):
        service.catalogue.index()
    assert await receive(service, definition(B, 2), revision=2) == 2
    assert (in_force(service.catalogue), service.catalogue.revision) == (["a:1.0.0", "b:1.0.0"], 2)


async def test_a_change_is_in_force_before_its_revision_is_given_for_acknowledgement() -> None:
    service = Service()
    await service.put_in_force(A)
    later = document(one(type="a"), name="a", version="1.0.1")
    assert await receive(service, definition(later, 2), definition(B, 3), revision=3) == 3
    assert in_force(service.catalogue) == ["a:1.0.1", "b:1.0.0"]


async def test_a_new_snapshot_replaces_the_index_whole_and_not_before_it_is_whole() -> None:
    service = Service()
    await service.put_in_force(A)
    in_force(service.catalogue)
    service.catalogue.begin()
    await service.receive(B, complete=False)
    with pytest.raises(NotReadyError):
        service.catalogue.index()
    await receive(service, revision=9)
    assert in_force(service.catalogue) == ["b:1.0.0"]


async def test_what_is_known_of_a_trigger_outlives_a_new_stream() -> None:
    service = Service()
    await service.put_in_force(A)
    in_force(service.catalogue)
    (before,) = service.catalogue.index().triggers()
    since_us, matches = before.listening_since_us, before.matches
    await service.clock.advance_us(1_000)
    await service.put_in_force(A)
    (after,) = service.catalogue.index().triggers()
    assert after is not before
    assert (after.listening_since_us, after.matches) == (since_us, matches) == (since_us, 1)


async def test_a_lost_stream_ends_the_trust_at_once() -> None:
    service = Service()
    await service.put_in_force(A)
    before = service.catalogue.ready
    service.catalogue.lose()
    assert (before, service.catalogue.ready) == (True, False)
    with pytest.raises(NotReadyError):
        service.catalogue.index()


async def test_confirmation_counts_from_when_the_message_was_asked_for() -> None:
    service = Service()
    await service.put_in_force(A)
    asked_us = service.clock.monotonic_us()
    await service.clock.advance_us(SILENCE_US_MAX + 1)
    message = WatchDefinitionsResponse(revision=1, snapshot_complete=True)
    await service.catalogue.receive(message, asked_us=asked_us)
    assert not service.catalogue.ready


@pytest.mark.parametrize(
    "broken",
    [
        document(one(type="^($"), name="a", version="2.0.0"),
        document({"one": {}}, name="a", version="2.0.0"),
    ],
)
async def test_a_start_that_does_not_compile_listens_to_nothing_and_is_counted_and_logged(
    broken: dict[str, object],
) -> None:
    service = Service()
    await service.put_in_force(A, B)
    with structlog.testing.capture_logs() as lines:
        await receive(service, definition(broken, 2), revision=2)  # type: ignore[arg-type]
    assert in_force(service.catalogue) == ["b:1.0.0"]
    assert metric(service.metrics, "tidemill_triggers_conditions_refused_total") == 1
    assert [(line["workflow"], line["workflow_version"]) for line in lines] == [("a", "2.0.0")]


async def test_a_document_that_cannot_be_read_is_passed_over() -> None:
    service = Service()
    broken = Definition(namespace=NAMESPACE, name="c", version="1.0.0", document=b"{schedule", revision=2)
    unversioned = Definition(namespace=NAMESPACE, name="d", version="one", document=b"{schedule", revision=3)
    service.catalogue.begin()
    assert await receive(service, definition(A, 1), broken, unversioned, revision=3) == 3
    assert in_force(service.catalogue) == ["a:1.0.0"]


async def test_documents_that_cannot_start_by_events_are_not_even_read() -> None:
    service = Service()
    unreadable = Definition(namespace=NAMESPACE, name="c", version="1.0.0", document=b"{", revision=1)
    service.catalogue.begin()
    await receive(service, unreadable)
    assert metric(service.metrics, "tidemill_triggers_conditions_refused_total") == 0


async def test_only_the_latest_version_of_a_message_is_read() -> None:
    service = Service()
    old = Definition(namespace=NAMESPACE, name="a", version="0.1.0", document=b"{schedule", revision=5)
    service.catalogue.begin()
    await receive(service, definition(A, 1), old, revision=5)
    assert in_force(service.catalogue) == ["a:1.0.0"]
    assert metric(service.metrics, "tidemill_triggers_conditions_refused_total") == 0


async def test_the_catalogue_is_measured() -> None:
    service = Service()
    await service.put_in_force(A, B)
    assert metric(service.metrics, "tidemill_triggers_catalogue_revision") == 2
    assert metric(service.metrics, "tidemill_triggers_in_force") == 2
    confirmed_seconds = metric(service.metrics, "tidemill_triggers_catalogue_confirmed_seconds")
    assert confirmed_seconds == service.clock.now_us() / 1_000_000
