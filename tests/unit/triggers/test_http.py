"""CloudEvents by HTTP: the three modes, what is refused, and how failures look to a producer."""

import base64
from collections.abc import AsyncIterator
from typing import Any, Union

import httpx
import pytest

from tests.unit.triggers.parts import Service, metric
from tests.unit.triggers.samples import document, one
from tidemill.errors import OverloadedError
from tidemill.json import Json, dumps, loads
from tidemill.triggers.errors import NotReadyError
from tidemill.triggers.http.routes import EventRoutes, HttpLimits

LEADS = document(one(type="lead.created"))
URL = "/v1/events/crm"
STRUCTURED = {"content-type": "application/cloudevents+json"}
BATCH = {"content-type": "application/cloudevents-batch+json; charset=utf-8"}
BINARY = {
    "content-type": "application/json",
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "/forms",
    "ce-type": "lead.created",
}
BODY_BYTES_MAX = 2_000
Content = Union[bytes, Json, AsyncIterator[bytes]]  # noqa: UP007 - Json is a name of itself


def body(**members: Json) -> dict[str, Json]:
    return {"specversion": "1.0", "id": "1", "source": "/forms", "type": "lead.created", **members}


class Web:
    """A client of the routes, without a network."""

    def __init__(self, service: Service, client: httpx.AsyncClient) -> None:
        self.service = service
        self._client = client

    async def get(self, path: str) -> httpx.Response:
        return await self._client.get(path)

    async def post(self, content: Content, headers: dict[str, str], url: str = URL) -> httpx.Response:
        raw = content if isinstance(content, bytes | AsyncIterator) else dumps(content)
        return await self._client.post(url, content=raw, headers=headers)


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with Service() as service:
        await service.put_in_force(LEADS)
        limits = HttpLimits(body_bytes_max=BODY_BYTES_MAX, body_us_max=10_000_000)
        routes = EventRoutes(service.publisher, service.catalogue, limits=limits, metrics=service.metrics)
        transport = httpx.ASGITransport(routes.application())
        async with httpx.AsyncClient(transport=transport, base_url="http://triggers") as client:
            yield Web(service, client)


def refusal(response: httpx.Response) -> tuple[int, dict[str, Any]]:
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == response.status_code
    assert problem["type"] == "about:blank"
    assert problem["title"]
    return response.status_code, problem


async def test_structured_mode(web: Web) -> None:
    response = await web.post(body(subject="c7", data={"a": 1}), STRUCTURED)
    assert response.status_code == 200
    outcome = response.json()
    (execution,) = outcome["executions"]
    assert outcome["event_id"] == "1"
    assert execution.pop("execution_id") in web.service.engine.started
    assert execution == {"workflow": "nurture", "version": "1.0.0", "trigger": "on", "created": True}


async def test_binary_mode_is_the_same_event(web: Web) -> None:
    first = await web.post(body(subject="c 7", data={"a": 1}), STRUCTURED)
    second = await web.post({"a": 1}, {**BINARY, "ce-subject": "c%207"})
    assert second.status_code == 200
    before, after = first.json()["executions"][0], second.json()["executions"][0]
    assert (after["execution_id"], after["created"]) == (before["execution_id"], False)


async def test_binary_mode_without_a_body_or_a_content_type(web: Web) -> None:
    headers = {name: value for name, value in BINARY.items() if name != "content-type"}
    assert (await web.post(b"", headers)).status_code == 200


async def test_batch_mode_answers_a_list_in_order(web: Web) -> None:
    response = await web.post([body(id="1"), body(id="2", type="other"), body(id="1")], BATCH)
    assert response.status_code == 200
    outcomes = response.json()
    created = [[one["created"] for one in outcome["executions"]] for outcome in outcomes]
    assert ([item["event_id"] for item in outcomes], created) == (["1", "2", "1"], [[True], [], [False]])
    assert len(web.service.engine.calls) == 1


async def test_an_empty_batch(web: Web) -> None:
    response = await web.post([], BATCH)
    assert (response.status_code, response.json()) == (200, [])


async def test_data_in_base64(web: Web) -> None:
    encoded = base64.b64encode(b'{"a": 1}').decode()
    assert (await web.post(body(data_base64=encoded), STRUCTURED)).status_code == 200


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"id": None}, "id"),
        ({"id": ""}, "id"),
        ({"id": 7}, "id"),
        ({"source": None}, "source"),
        ({"type": None}, "type"),
        ({"specversion": None}, "specversion"),
        ({"specversion": "0.3"}, "specversion"),
        ({"time": "yesterday"}, "event"),
        ({"time": "2026-01-01T00:00:00"}, "time"),
        ({"time": "2026-W01-1T00:00:00Z"}, "time"),
        ({"time": 7}, "time"),
        ({"subject": ""}, "subject"),
        ({"subject": ["c7"]}, "subject"),
        ({"Upper": "x"}, "Upper"),
        ({"nested": {"a": 1}}, "extensions"),
        ({"data_base64": "?"}, "event"),
        ({"data_base64": 7}, "data_base64"),
        ({"data_base64": base64.b64encode(b"{").decode()}, "data"),
        ({"data": 1, "data_base64": ""}, "data_base64"),
        ({"datacontenttype": "text/plain", "data": "x"}, "data_content_type"),
    ],
)
async def test_what_is_no_acceptable_event_is_a_bad_request(
    web: Web, members: dict[str, Json], field: str
) -> None:
    status, problem = refusal(await web.post(body(**members), STRUCTURED))
    assert (status, problem["metadata"]["field"]) == (400, field)
    assert web.service.engine.calls == []


@pytest.mark.parametrize(
    ("missing", "field"), [("ce-id", "id"), ("ce-type", "type"), ("ce-specversion", "specversion")]
)
async def test_a_header_that_is_missing_is_a_bad_request(web: Web, missing: str, field: str) -> None:
    headers = {name: value for name, value in BINARY.items() if name != missing}
    status, problem = refusal(await web.post({}, headers))
    assert (status, problem["metadata"]["field"]) == (400, field)


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"{", STRUCTURED),
        (b"[]", STRUCTURED),
        (b"", STRUCTURED),
        (b'{"specversion": "1.0", "id": NaN}', STRUCTURED),
        (b"{}", BATCH),
        (b"nothing", BATCH),
        (b"{", BINARY),
        (b"\xff", BINARY),
        (b'{"n": 99999999999999999999}', BINARY),
    ],
)
async def test_what_is_no_acceptable_json_is_a_bad_request(
    web: Web, content: bytes, headers: dict[str, str]
) -> None:
    status, problem = refusal(await web.post(content, headers))
    assert (status, problem["reason"]) == (400, "INVALID_PAYLOAD")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "application/json"},
        {"content-type": "application/cloudevents+xml"},
        {"content-type": "application/cloudevents-batch+avro"},
        {**BINARY, "content-type": "text/plain"},
    ],
)
async def test_what_is_no_cloudevent_in_json_is_an_unsupported_media_type(
    web: Web, headers: dict[str, str]
) -> None:
    status, problem = refusal(await web.post({}, headers))
    assert status == 415
    assert problem["detail"]


async def test_a_body_that_announces_too_much_is_refused_unread(web: Web) -> None:
    status, problem = refusal(await web.post(b" " * (BODY_BYTES_MAX + 1), STRUCTURED))
    assert (status, problem["metadata"]["limit"]) == (413, "http_body_bytes_max")


async def test_a_body_that_grows_too_large_is_cut_off_while_it_is_read(web: Web) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 500

    status, problem = refusal(await web.post(endless(), STRUCTURED))
    assert (status, problem["metadata"]["limit"]) == (413, "http_body_bytes_max")
    assert sent <= BODY_BYTES_MAX // 500 + 2


async def test_data_over_its_limit_is_too_large(web: Web) -> None:
    status, problem = refusal(await web.post(dumps("a" * 1_500), BINARY))
    assert (status, problem["metadata"]["limit"]) == (413, "data_bytes_max")


async def test_a_bad_event_in_a_batch_makes_the_answer_an_error_that_says_which_were_taken(web: Web) -> None:
    response = await web.post([body(id="1"), body(id=None), 7, body(id="4", time="x")], BATCH)
    status, problem = refusal(response)
    assert status == 400
    assert [(item["event_id"], item.get("error", {}).get("reason")) for item in problem["outcomes"]] == [
        ("1", None),
        ("", "INVALID_REQUEST"),
        ("", "INVALID_PAYLOAD"),
        ("", "INVALID_REQUEST"),
    ]
    assert len(web.service.engine.started) == 1


async def test_that_a_batch_may_be_sent_again_is_told_before_that_some_of_it_is_wrong(web: Web) -> None:
    web.service.engine.refused["2"] = OverloadedError("inbox", limit_value=1, retry_delay_us=1_200_000)
    response = await web.post([body(id="1"), body(id=None), body(id="2")], BATCH)
    status, problem = refusal(response)
    assert (status, response.headers["retry-after"]) == (429, "2")
    assert [bool(item["executions"]) for item in problem["outcomes"]] == [True, False, False]


async def test_an_overload_says_when_to_come_again(web: Web) -> None:
    web.service.engine.errors = [OverloadedError("inbox", limit_value=1, retry_delay_us=200_000)]
    response = await web.post(body(), STRUCTURED)
    status, problem = refusal(response)
    assert (status, response.headers["retry-after"], problem["reason"]) == (429, "1", "OVERLOADED")


async def test_an_engine_that_is_away_makes_the_service_unavailable(web: Web) -> None:
    web.service.engine.errors = [NotReadyError("engine", "gone")]
    response = await web.post(body(), STRUCTURED)
    status, problem = refusal(response)
    assert (status, response.headers["retry-after"], problem["reason"]) == (503, "1", "NOT_READY")


async def test_a_catalogue_that_is_lost_makes_the_service_unavailable_and_unhealthy(web: Web) -> None:
    web.service.catalogue.lose()
    assert refusal(await web.post(body(), STRUCTURED))[0] == 503
    assert refusal(await web.get("/healthz"))[0] == 503


async def test_health_tells_the_revision(web: Web) -> None:
    response = await web.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"revision": 1})


async def test_a_bad_namespace_is_a_bad_request(web: Web) -> None:
    status, problem = refusal(await web.post(body(), STRUCTURED, url="/v1/events/a%00b"))
    assert (status, problem["metadata"]) == (400, {"field": "namespace"})


async def test_other_paths_and_methods_are_refused_in_the_same_form(web: Web) -> None:
    assert refusal(await web.get("/v1/nothing"))[0] == 404
    response = await web.get(URL)
    assert (refusal(response)[0], response.headers["allow"]) == (405, "POST")


async def test_a_bug_is_an_incident_that_does_not_leak(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(web.service.publisher, "publish", fail)
    status, problem = refusal(await web.post(body(), STRUCTURED))
    assert status == 500
    assert problem["incident"]
    assert "secret" not in str(problem)


async def test_the_trace_context_of_the_request_travels_on(web: Web) -> None:
    traceparent = f"00-{'a' * 32}-{'b' * 16}-01"
    await web.post(body(), {**STRUCTURED, "traceparent": traceparent})
    assert web.service.engine.traceparents == [traceparent]


async def test_answers_are_counted_by_status(web: Web) -> None:
    await web.post(body(), STRUCTURED)
    await web.post({}, {})
    text = web.service.metrics.text()
    assert 'tidemill_triggers_http_answers_total{status="200"} 1.0' in text
    assert 'tidemill_triggers_http_answers_total{status="415"} 1.0' in text
    assert metric(web.service.metrics, "tidemill_triggers_http_answers_total") == 2


async def test_attributes_arrive_as_they_were_written(web: Web) -> None:
    await web.service.receive(document(one(type="lead.created"), name="seen", read="envelope"))
    members: dict[str, Json] = {
        "subject": "café",
        "time": "2026-01-01T00:00:00.123456789+05:30",
        "dataschema": "/schemas/lead",
        "priority": 5,
        "urgent": True,
        "absent": None,
        "data": {"n": 9_007_199_254_740_993},
    }
    await web.post(body(**members), STRUCTURED)
    (sent,) = [start.input.data for start in web.service.engine.starts if start.workflow == "seen"]
    expected = {**body(**members), "priority": "5", "urgent": "true"}
    del expected["absent"]
    assert loads(sent) == [expected]


async def test_headers_arrive_decoded(web: Web) -> None:
    await web.service.receive(document(one(type="lead.created"), name="seen", read="envelope"))
    headers = {
        **BINARY,
        "ce-subject": "caf%C3%A9",
        "ce-time": "2026-01-01T00:00:00.123456789Z",
        "ce-tenant": "x",
    }
    await web.post(b'{"n": 9007199254740993}', headers)
    (sent,) = [start.input.data for start in web.service.engine.starts if start.workflow == "seen"]
    assert loads(sent) == [
        body(
            subject="café",
            time="2026-01-01T00:00:00.123456789Z",
            datacontenttype="application/json",
            tenant="x",
            data={"n": 9_007_199_254_740_993},
        )
    ]
