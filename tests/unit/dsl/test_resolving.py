"""What the engine asks of a checked document: components by name, kinds and references of tasks."""

import pytest

from tests.unit.dsl.samples import workflow
from tidemill.dsl import (
    UnknownReferenceError,
    resolve_authentication,
    resolve_error,
    resolve_retry,
    resolve_timeout,
    task_kind,
    task_pointer,
)
from tidemill.json import Json

USE: dict[str, Json] = {
    "retries": {"patient": {"delay": "PT1S"}},
    "timeouts": {"long": {"after": "PT1H"}},
    "errors": {"broken": {"type": "https://example.com/broken", "status": 500}},
    "authentications": {"me": {"basic": {"username": "a", "password": "b"}}},
}
DOCUMENT = workflow(use=USE)


def test_a_name_becomes_the_object_that_it_stands_for() -> None:
    assert resolve_retry(DOCUMENT, "patient") == {"delay": "PT1S"}
    assert resolve_timeout(DOCUMENT, "long") == {"after": "PT1H"}
    assert resolve_error(DOCUMENT, "broken")["status"] == 500
    assert resolve_authentication(DOCUMENT, {"use": "me"}) == {"basic": {"username": "a", "password": "b"}}


def test_an_inline_object_stands_for_itself() -> None:
    assert resolve_retry(DOCUMENT, {"delay": "PT2S"}) == {"delay": "PT2S"}
    assert resolve_timeout(DOCUMENT, {"after": "PT2S"}) == {"after": "PT2S"}
    assert resolve_authentication(DOCUMENT, {"bearer": {"token": "t"}}) == {"bearer": {"token": "t"}}


def test_an_unknown_name_is_refused_with_the_names_that_there_are() -> None:
    with pytest.raises(UnknownReferenceError) as caught:
        resolve_retry(DOCUMENT, "hasty")

    assert str(caught.value) == "`hasty` is not in `use.retries`, which has `patient`"


@pytest.mark.parametrize(
    ("task", "kind"),
    [
        ({"for": {"in": ".a"}, "do": []}, "for"),
        ({"do": []}, "do"),
        ({"call": "http", "then": "end"}, "call"),
        ({"try": [], "catch": {}}, "try"),
        ({"listen": {}, "foreach": {}}, "listen"),
    ],
)
def test_the_kind_of_a_task_is_its_own_member(task: dict[str, Json], kind: str) -> None:
    assert task_kind(task) == kind


@pytest.mark.parametrize("task", [{}, {"then": "end"}, {"set": {}, "wait": {}}, {"do": [], "set": {}}])
def test_a_task_has_one_kind(task: dict[str, Json]) -> None:
    with pytest.raises(ValueError, match="a task"):
        task_kind(task)


def test_task_references_are_json_pointers() -> None:
    assert task_pointer("/do", 2, "send") == "/do/2/send"
    assert task_pointer("/do/0/a/try", 0, "a/b~c") == "/do/0/a/try/0/a~1b~0c"
