"""Durations, addresses, patterns, schedules, policies and data schemas in documents."""

import pytest

from tests.unit.dsl.samples import HEADER, errors, http, one
from tidemill.dsl import Cron, parse_cron
from tidemill.json import Json

SET: dict[str, Json] = {"set": {"a": 1}}


@pytest.mark.parametrize(
    ("task", "pointer"),
    [
        ({"wait": "P1M"}, "/wait"),
        ({"wait": {"seconds": -1}}, "/wait"),
        ({"wait": {"days": 40_000}}, "/wait"),
        ({**SET, "timeout": {"after": "P1Y"}}, "/timeout/after"),
        ({"try": [], "catch": {"retry": {"delay": "P1M"}}}, "/catch/retry/delay"),
    ],
)
def test_durations_are_exact_and_bounded(task: Json, pointer: str) -> None:
    assert errors(one(task)).keys() == {f"/do/0/it{pointer}"}


@pytest.mark.parametrize("uri", ["https://example.com/{id}?q={pet.id}", "relative/path", "/{a}/{b_c}"])
def test_simple_gaps_are_fine(uri: str) -> None:
    assert errors(one(http(endpoint=uri))) == {}


@pytest.mark.parametrize("gap", ["{+path}", "{?q}", "{/a}", "{a*}", "{a,b}", "{a:3}"])
def test_other_expansions_are_refused(gap: str) -> None:
    assert errors(one(http(endpoint=f"https://example.com/{gap}"))) == {
        "/do/0/it/with/endpoint": f"`{gap}` is not a simple gap; URI templates take `{{name}}` only"
    }


@pytest.mark.parametrize("uri", ["https://example.com/{id", "https://example.com/{}"])
def test_broken_templates_are_refused(uri: str) -> None:
    assert errors(one(http(endpoint=uri))).keys() == {"/do/0/it/with/endpoint"}


@pytest.mark.parametrize(
    ("method", "fits"), [("get", True), ("PATCH", True), ("${ .m }", True), ("get it", False)]
)
def test_methods_are_words(method: str, fits: bool) -> None:
    document = one({"call": "http", "with": {"method": method, "endpoint": "https://example.com"}})

    assert (errors(document) == {}) == fits


def listening(**attributes: Json) -> dict[str, Json]:
    return one(SET, schedule={"on": {"one": {"with": attributes}}})


@pytest.mark.parametrize("pattern", ["^order\\..*$", "^[a-z]+$", "^$"])
def test_filters_may_hold_regular_expressions(pattern: str) -> None:
    assert errors(listening(type=pattern, source=pattern, dataschema=pattern)) == {}


@pytest.mark.parametrize(
    "pattern", ["^($", "^(?=a)$", "^(a)\\1$", "^" + "a" * 1000 + "$", "^((\\pL{100}){100}){9}$"]
)
def test_a_regular_expression_must_run_in_linear_time(pattern: str) -> None:
    found = errors(listening(type=pattern))

    assert found["/schedule/on/one/with/type"].startswith("this regular expression is not accepted: ")


def test_regular_expressions_are_counted() -> None:
    filters: list[Json] = [{"with": {"type": f"^a{index}$"}} for index in range(201)]

    assert errors(one(SET, schedule={"on": {"any": filters}})) == {
        "/schedule/on/any/200/with/type": "a document may have 200 regular expressions"
    }


@pytest.mark.parametrize(
    ("schedule", "sentence"),
    [
        ({}, "`schedule` needs one of `every`, `cron`, `after` and `on`"),
        ({"every": "PT1H", "cron": "0 * * * *"}, "`schedule` may not have both `every` and `cron`"),
        ({"read": "data", "every": "PT1H"}, "`schedule` needs `on`"),
    ],
)
def test_a_schedule_says_when(schedule: Json, sentence: str) -> None:
    assert errors(one(SET, schedule=schedule)) == {"/schedule": sentence}


@pytest.mark.parametrize(
    "schedule", [{"every": "PT1H"}, {"cron": "0 8 * * MON-FRI"}, {"after": {"hours": 1}}]
)
def test_a_schedule_of_one_kind_is_fine(schedule: Json) -> None:
    assert errors(one(SET, schedule=schedule)) == {}


def test_cron_fields_become_sets() -> None:
    assert parse_cron("*/20 8,18 1-3 jan-mar 5-7") == Cron(
        minutes=frozenset({0, 20, 40}),
        hours=frozenset({8, 18}),
        days=frozenset({1, 2, 3}),
        months=frozenset({1, 2, 3}),
        weekdays=frozenset({5, 6, 0}),
        any_day=False,
        any_weekday=False,
    )
    assert parse_cron("5/10 0-23/6 * * *").minutes == {5, 15, 25, 35, 45, 55}
    assert parse_cron("0 0 29 2 *").days == {29}
    assert parse_cron("0 0 31 2 MON").weekdays == {1}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0 0 * *", "a cron expression has five fields: minute, hour, day of month, month, day of week"),
        ("0 0 0 * * *", "a cron expression has five fields"),
        ("@daily", "a cron expression has five fields"),
        ("60 * * * *", "`60` is not a minute of cron; it goes from 0 to 59"),
        ("* * 0 * *", "`0` is not a day of month of cron"),
        ("* * * FOO *", "`FOO` is not a month of cron"),
        ("* * L * *", "`L` is not a day of month of cron"),
        ("5-1 * * * *", "`5-1` runs backwards in the minute field of cron"),
        ("*/0 * * * *", "`/0` is not a step of the minute field of cron"),
        ("1, * * * *", "`` is not a minute of cron"),
        ("0 0 30 2 *", "`0 0 30 2 *` never comes: no such month has such a day"),
        ("0 0 31 4,6,9,11 *", "never comes"),
    ],
)
def test_an_impossible_cron_is_refused(text: str, sentence: str) -> None:
    found = errors(one(SET, schedule={"cron": text}))

    assert sentence in found["/schedule/cron"]


def metadata(**members: Json) -> dict[str, Json]:
    return one(SET) | {"document": {**HEADER, "metadata": members}}


def test_policies_of_the_right_shape_are_fine() -> None:
    policies: Json = {
        "orderingKey": "${ .data.contact }",
        "reentry": {"cooldown": "P7D"},
        "stopOn": [{"with": {"type": "contact.deleted"}, "reason": "gone"}],
        "timezone": "Europe/Paris",
    }

    assert errors(metadata(tidemill=policies, timezone="America/New_York", owner="me")) == {}
    assert errors(metadata(tidemill={"reentry": "once", "orderingKey": ".subject"})) == {}


@pytest.mark.parametrize(
    ("policies", "pointer", "sentence"),
    [
        ([], "", "`tidemill` must be an object"),
        ({"orderingkey": ".a"}, "/orderingkey", "did you mean `orderingKey`?"),
        ({"orderingKey": "$context"}, "/orderingKey", "`$context` is not known here; there are no"),
        ({"orderingKey": "("}, "/orderingKey", "this expression is not accepted"),
        ({"reentry": "sometimes"}, "/reentry", "must be a rule of re-entry"),
        ({"reentry": {"cooldown": "P1M"}}, "/reentry/cooldown", "months and years differ"),
        ({"reentry": {}}, "/reentry", "needs `cooldown`"),
        ({"stopOn": [{"type": "a"}]}, "/stopOn/0", "needs `with`"),
        ({"timezone": "Mars/Base"}, "/timezone", "`Mars/Base` is not a time zone"),
    ],
)
def test_policies_of_another_shape_are_refused(policies: Json, pointer: str, sentence: str) -> None:
    found = errors(metadata(tidemill=policies))

    assert sentence in found[f"/document/metadata/tidemill{pointer}"]


@pytest.mark.parametrize(
    "name", ["Mars/Base", "../etc/passwd", "/etc/localtime", "Europe", "", "a" * 500, "\u00e9"]
)
def test_only_real_time_zones_are_time_zones(name: str) -> None:
    assert errors(metadata(timezone=name)).keys() == {"/document/metadata/timezone"}


def with_schema(schema: Json, **more: Json) -> dict[str, Json]:
    return one({**SET, "input": {"schema": {"document": schema, **more}}})


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "string", "pattern": "^a+$"}}},
        True,
        {"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}},
        {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"},
    ],
)
def test_data_schemas_stand_alone(schema: Json) -> None:
    assert errors(with_schema(schema)) == {}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "thing"},
        {"$ref": "https://example.com/schema"},
        {"$ref": "#/$defs/missing"},
        {"pattern": "(?=look)"},
        {"pattern": "("},
        {"$schema": "https://example.com/dialect"},
        "text",
        None,
    ],
)
def test_what_is_no_usable_schema_is_refused(schema: Json) -> None:
    assert errors(with_schema(schema)).keys() == {"/do/0/it/input/schema"}


def test_data_schemas_are_bounded_together() -> None:
    schema: Json = {"properties": {f"p{index}": True for index in range(6_000)}}
    document = one(
        {**SET, "input": {"schema": {"document": schema}}, "output": {"schema": {"document": schema}}}
    )

    assert errors(document) == {"/do/0/it/output/schema": "the schemas have more than 10000 values together"}


@pytest.mark.parametrize(
    ("retry", "pointer"),
    [
        ({"limit": {"attempt": {"count": -1}}}, "/limit/attempt/count"),
        ({"jitter": {"from": "PT2S", "to": "PT1S"}}, "/jitter"),
    ],
)
def test_retries_make_sense(retry: Json, pointer: str) -> None:
    assert errors(one({"try": [], "catch": {"retry": retry}})).keys() == {f"/do/0/it/catch/retry{pointer}"}


def test_an_emitted_event_has_attributes() -> None:
    assert errors(one({"emit": {"event": {}}})) == {
        "/do/0/it/emit/event": "an event to emit needs `with` and its `type`"
    }


def test_versions_are_bounded() -> None:
    header: Json = {**HEADER, "version": "1.0.0-" + "a" * 300}

    assert errors({"document": header, "do": []}) == {
        "/document/version": "`version` may have 256 characters"
    }
