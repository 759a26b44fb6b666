"""What this release does not run yet, each by the sentence that names it."""

import pytest

from tests.unit.dsl.samples import HEADER, errors, http, one, workflow
from tidemill.dsl import unsupported
from tidemill.dsl.support import unsupported_in_function
from tidemill.json import Json

SET: dict[str, Json] = {"set": {"a": 1}}
GRPC: Json = {
    "proto": {"endpoint": "https://example.com/a.proto"},
    "service": {"name": "A", "host": "example.com"},
    "method": "get",
}
ASYNCAPI: Json = {
    "document": {"endpoint": "https://example.com/a.json"},
    "operation": "send",
    "message": {"payload": {}},
}
AVRO: Json = {"format": "avro", "document": {}}
PERSON: Json = {"username": "a", "password": "b"}
OAUTH: Json = {"authority": "https://id.example.com", "grant": "client_credentials"}


def findings(document: Json) -> dict[str, str]:
    assert errors(document) == {}
    return {problem.pointer: problem.message for problem in unsupported(document)}


def test_the_supported_part_of_the_language_passes() -> None:
    tasks: list[tuple[str, Json]] = [
        ("set", {**SET, "if": ".a", "input": {"from": "."}, "output": {"as": "."}, "metadata": {"a": 1}}),
        ("do", {"do": [{"inner": SET}], "export": {"as": "."}, "timeout": "long"}),
        ("switch", {"switch": [{"a": {"when": ".x", "then": "continue"}}]}),
        ("for", {"for": {"in": ".x"}, "do": []}),
        ("fork", {"fork": {"branches": [{"a": SET}]}}),
        ("try", {"try": [{"a": {"raise": {"error": "broken"}}}], "catch": {"retry": "patient"}}),
        ("wait", {"wait": "PT1S"}),
        ("emit", {"emit": {"event": {"with": {"type": "a"}}}}),
        ("act", {"call": "send:1.0.0", "with": {"a": 1}}),
        ("until", {"call": "waitUntil:1.0.0@default", "with": {"at": "${ .at }"}}),
        ("split", {"call": "split:1.0.0@default", "with": {"branches": "${ .branches }"}}),
        ("pace", {"call": "pace:1.0.0@default", "with": {"limit": 1, "per": "PT1S"}}),
        ("hear", {"listen": {"to": {"any": [], "until": "false"}}, "foreach": {"do": []}}),
        ("child", {"run": {"workflow": {"namespace": "a", "name": "b"}}}),
        ("inline", {"call": "greet"}),
        ("cataloged", {"call": "log:1.0.0@shelf"}),
        ("outside", {"call": "https://example.com/function.yaml"}),
        ("fetched", {"run": {"script": {"language": "js", "source": {"endpoint": "https://a.test/a.js"}}}}),
        ("shell", {"run": {"shell": {"command": "ls"}}}),
        ("script", {"run": {"script": {"language": "js", "code": "1"}}}),
        ("container", {"run": {"container": {"image": "a"}}}),
        ("web", http(endpoint={"uri": "a", "authentication": {"use": "me"}})),
        ("web3", http(body="${ $secrets.s.x }")),
        ("web4", http(endpoint={"uri": "a", "authentication": {"basic": {"use": "s"}}})),
        ("web2", http(endpoint={"uri": "a", "authentication": {"bearer": {"token": "${ .t }"}}})),
        ("web5", http(endpoint={"uri": "a", "authentication": {"oauth2": OAUTH}})),
        ("web6", http(endpoint={"uri": "a", "authentication": {"oidc": OAUTH}})),
        ("rpc", {"call": "grpc", "with": GRPC}),
        ("message", {"call": "asyncapi", "with": ASYNCAPI}),
        ("web7", http(endpoint={"uri": "a", "authentication": {"digest": PERSON}})),
    ]
    use: Json = {
        "errors": {"broken": {"type": "a", "status": 1}},
        "retries": {"patient": {"delay": "PT1S"}},
        "timeouts": {"long": {"after": "PT1S"}},
        "authentications": {"me": {"basic": PERSON}},
        "secrets": ["s"],
        "catalogs": {"shelf": {"endpoint": "https://example.com"}},
        "functions": {"greet": dict(SET)},
        "extensions": [{"audit": {"extend": "all", "before": [{"note": dict(SET)}]}}],
    }
    members: dict[str, Json] = {
        "use": use,
        "evaluate": {"language": "jq", "mode": "strict"},
        "schedule": {"on": {"any": [{"with": {"type": "a"}}, {"with": {"type": "b"}}]}, "read": "envelope"},
        "input": {"schema": {"format": "json", "document": {}}},
        "output": {"as": "."},
        "timeout": {"after": "PT1H"},
    }
    assert findings(workflow(*tasks, **members)) == {}


@pytest.mark.parametrize(
    ("task", "pointer", "sentence"),
    [
        (
            {**SET, "input": {"schema": AVRO}},
            "/input/schema/format",
            "the schema format `avro` is not supported yet",
        ),
    ],
)
def test_an_unsupported_task_is_named(task: Json, pointer: str, sentence: str) -> None:
    assert findings(workflow(("outer", {"do": [{"it": task}]}))) == {
        f"/do/0/outer/do/0/it{pointer}": sentence
    }


@pytest.mark.parametrize(
    ("members", "pointer", "sentence"),
    [
        (
            {"evaluate": {"language": "js"}},
            "/evaluate/language",
            "an expression language other than `jq` is not supported yet",
        ),
        ({"evaluate": {"mode": "loose"}}, "/evaluate/mode", "`evaluate.mode: loose` is not supported yet"),
    ],
)
def test_an_unsupported_member_is_named(members: dict[str, Json], pointer: str, sentence: str) -> None:
    assert findings(one(SET, **members)) == {pointer: sentence}


def test_a_function_from_outside_needs_what_a_document_may_not_either() -> None:
    found = unsupported_in_function({"do": [{"it": {**SET, "input": {"schema": AVRO}}}]})

    assert [(problem.pointer, problem.message) for problem in found] == [
        ("/do/0/it/input/schema/format", "the schema format `avro` is not supported yet")
    ]


def test_policies_pass() -> None:
    stop: Json = [{"with": {"type": "a"}}]
    policies: Json = {"reentry": "once", "stopOn": stop, "orderingKey": ".a", "timezone": "UTC"}
    document = one(SET) | {"document": {**HEADER, "metadata": {"tidemill": policies}}}

    assert findings(document) == {}


@pytest.mark.parametrize(
    "schedule",
    [
        {"every": "PT1S"},
        {"cron": "* * * * *"},
        {"after": "PT1S"},
        {"on": {"all": [{"with": {"type": "a"}, "correlate": {"c": {"from": ".x"}}}]}},
        {"on": {"any": [{"with": {"type": "a"}}], "until": {"one": {"with": {"type": "b"}}}}},
    ],
)
def test_every_schedule_passes(schedule: Json) -> None:
    assert findings(one(SET, schedule=schedule)) == {}


def test_other_versions_of_the_language_are_named() -> None:
    document: Json = {"document": {**HEADER, "dsl": "2.0.0"}, "do": []}

    assert findings(document) == {"/document/dsl": "version 2.0.0 of the language is not supported yet"}
