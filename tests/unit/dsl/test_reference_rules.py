"""Names that stand for components of `use`, functions and catalogs."""

import pytest

from tests.unit.dsl.samples import errors, http, one
from tidemill.json import Json

SET: dict[str, Json] = {"set": {"a": 1}}
TASKS: list[tuple[str, str, Json]] = [
    ("timeouts", "/timeout", {**SET, "timeout": "name"}),
    ("retries", "/catch/retry", {"try": [], "catch": {"retry": "name"}}),
    ("errors", "/raise/error", {"raise": {"error": "name"}}),
    (
        "authentications",
        "/with/endpoint/authentication/use",
        http(endpoint={"uri": "https://example.com", "authentication": {"use": "name"}}),
    ),
    (
        "secrets",
        "/with/endpoint/authentication/basic/use",
        http(endpoint={"uri": "https://example.com", "authentication": {"basic": {"use": "name"}}}),
    ),
]
COMPONENTS: dict[str, Json] = {
    "timeouts": {"after": "PT1S"},
    "retries": {},
    "errors": {"type": "a", "status": 1},
    "authentications": {"basic": {"username": "a", "password": "b"}},
}


@pytest.mark.parametrize(("section", "pointer", "task"), TASKS)
def test_a_name_must_be_in_its_section(section: str, pointer: str, task: Json) -> None:
    assert errors(one(task)) == {f"/do/0/it{pointer}": f"`name` is not in `use.{section}`, which has nothing"}


@pytest.mark.parametrize(("section", "pointer", "task"), TASKS)
def test_a_name_in_its_section_is_fine(section: str, pointer: str, task: Json) -> None:
    component: Json = ["name"] if section == "secrets" else {"name": COMPONENTS[section]}

    assert errors(one(task, use={section: component})) == {}


def test_the_workflow_may_name_a_timeout_too() -> None:
    assert errors(one(SET, timeout="long", use={"timeouts": {"long": {"after": "PT1H"}}})) == {}
    assert errors(one(SET, timeout="long")).keys() == {"/timeout"}


def calling(call: str, **use: Json) -> dict[str, str]:
    return errors(one({"call": call}, use=use))


@pytest.mark.parametrize(
    "call",
    [
        "sendEmail:1.0.0",
        "crm/send-email:2.1.0-rc.1",
        "https://example.com/functions/log@v1.0.0",
    ],
)
def test_functions_are_actions_cataloged_or_urls(call: str) -> None:
    assert calling(call) == {}


def test_functions_of_the_document_and_of_its_catalogs_are_known() -> None:
    assert calling("greet", functions={"greet": SET}) == {}
    assert calling("log:1.0.0@shelf", catalogs={"shelf": {"endpoint": "https://example.com"}}) == {}
    assert calling("log:1.0.0@default", catalogs={"default": {"endpoint": "https://example.com"}}) == {}


def test_a_catalog_of_the_document_may_take_the_name_of_ours() -> None:
    own: Json = {"default": {"endpoint": "https://example.com"}}

    assert calling("pace:1.0.0@default", catalogs=own) == {}
    assert calling("pace:1.0.0@default") == {"/do/0/it": "a call of `pace` needs `with`"}


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("sendEmail", "`sendEmail` is neither a protocol (http, openapi, grpc, asyncapi, mcp, a2a) nor in"),
        ("HTTP", "`HTTP` is not known; did you mean `http`?"),
        ("sendEmail:1", "`1` is not a version; write all three numbers, such as `1.0.0`"),
        ("sendEmail:latest", "`latest` is not a version"),
        ("log:1.0.0@shelf", "`shelf` is not a catalog; there are `default`"),
        ("log:1.0.0@default", "the default catalog has no `log:1.0.0`; it has `waitUntil:1.0.0`"),
        ("waitUntil:2.0.0@default", "the default catalog has no `waitUntil:2.0.0`"),
        ("", "`` is neither a protocol"),
    ],
)
def test_an_unknown_function_is_refused(call: str, sentence: str) -> None:
    assert calling(call)["/do/0/it/call"].startswith(sentence)
