"""Secrets reach whom they are for, and stand nowhere else: no file, log, trace, metric or answer has them."""

import asyncio
from collections.abc import Iterator
from urllib.request import urlopen

import pytest

from tests.e2e.conftest import sample_settings
from tests.e2e.documents import NAMESPACE, named
from tests.e2e.nowhere import assert_nowhere
from tests.e2e.running import Report, RunningStack
from tests.e2e.web import Answer, Request, serving
from tidemill.api.engine.v1 import lifecycle_service_pb2 as lifecycle
from tidemill.api.engine.v1.lifecycle_service_pb2_grpc import LifecycleServiceStub
from tidemill.json import dumps
from tidemill.rpc.channel import connect
from tidemill.stack.ports import free_ports

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

# One for each place, so that a leak says where it came from. Each could stand nowhere by chance.
VALUES = {
    name: f"s3cret-{name}-{number:04d}-zqx"
    for number, name in enumerate(
        (
            "path",
            "query",
            "header",
            "body",
            "token",
            "user",
            "password",
            "argument",
            "refused",
            "raised",
            "file",
        )
    )
}
SECRETS = {
    **{f"TIDEMILL_SECRET.{NAMESPACE}.{name}": value for name, value in VALUES.items() if name != "file"},
    f"TIDEMILL_SECRET.{NAMESPACE}.login": dumps(
        {"username": VALUES["user"], "password": VALUES["password"]}
    ).decode(),
}
EVERYWHERE = """
        use:
          secrets: [path, query, header, body, token, login, argument, file]
          authentications:
            named: {bearer: {token: '${ $secrets.token }'}}
            whole: {basic: {use: login}}
        do:
        - ask:
            call: http
            with:
              method: post
              endpoint:
                uri: '${ "https://api.example.com/\\($secrets.path)" }'
                authentication: {use: named}
              query: {q: '${ $secrets.query }'}
              headers: {x-key: '${ $secrets.header }'}
              body: {deep: ['${ "x \\($secrets.body) y" }', '${ $secrets.file }']}
              output: response
        - basic:
            call: http
            with:
              method: get
              endpoint: {uri: 'https://api.example.com/basic', authentication: {use: whole}}
        - raw:
            call: http
            with:
              method: post
              endpoint: https://api.example.com/raw
              body: {a: '${ $secrets.body }'}
              output: raw
        - own: {call: 'test.own:1.0.0', with: {a: ['${ $secrets.argument }']}}
"""


class Outside:
    """Answers with all that it was asked, and remembers it."""

    def __init__(self) -> None:
        self.asked: list[Request] = []

    def answer(self, request: Request) -> Answer:
        self.asked.append(request)
        if request.path == "/cut":
            return Answer(500, "x" * 505 + request.body["a"])
        status = 500 if request.path.startswith("/refuse") else 200
        return Answer(status, {"asked": str(request)})


@pytest.fixture(scope="module")
def outside() -> Outside:
    return Outside()


@pytest.fixture(scope="module")
def metrics_ports() -> list[int]:
    return free_ports(3)


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, outside: Outside, metrics_ports: list[int]
) -> Iterator[RunningStack]:
    folder = tmp_path_factory.mktemp("secrets") / NAMESPACE
    folder.mkdir()
    (folder / "file").write_text(VALUES["file"] + "\n")
    ports = dict(zip(("ENGINE", "TRIGGERS", "ACTIONS"), metrics_ports, strict=True))
    with (
        serving(outside.answer) as base,
        RunningStack(
            tmp_path_factory.mktemp("stack"),
            TIDEMILL_ACTIONS_HTTP_HOSTS=f"api.example.com={base}",
            TIDEMILL_ACTIONS_SECRETS=str(folder.parent),
            OTEL_TRACES_EXPORTER="console",
            OTEL_BSP_SCHEDULE_DELAY="100",
            **{f"TIDEMILL_{service}_METRICS_PORT": str(port) for service, port in ports.items()},
            **SECRETS,
            **sample_settings(),
        ) as running,
    ):
        yield running


def test_a_secret_in_every_place_reaches_the_outside_and_nothing_else(
    stack: RunningStack, outside: Outside, metrics_ports: list[int]
) -> None:
    report = stack.run(named("everywhere", EVERYWHERE))
    assert report.phase == "completed", report.error
    [asked, basic, _] = outside.asked[-3:]
    assert asked.path == f"/{VALUES['path']}"
    assert asked.query == {"q": VALUES["query"]}
    assert (asked.headers["x-key"], asked.headers["authorization"]) == (
        VALUES["header"],
        f"Bearer {VALUES['token']}",
    )
    assert asked.body == {"deep": [f"x {VALUES['body']} y", VALUES["file"]]}
    assert basic.headers["authorization"].startswith("Basic ")
    assert report.output == {"characters": len(VALUES["argument"]), "shown": ["***"]}
    assert_unseen(stack, metrics_ports, report)


@pytest.mark.parametrize(
    ("name", "task"),
    [
        (
            "refused",
            "{call: http, with: {method: post, endpoint: 'https://api.example.com/refuse',"
            " body: {a: '${ $secrets.refused }'}}}",
        ),
        (
            "unreachable",
            "{call: http, with: {method: get, endpoint: '${ \"http://127.0.0.1:1/\\($secrets.refused)\" }'}}",
        ),
        ("raised", "{call: 'test.own:1.0.0', with: {a: ['${ $secrets.raised }'], raise: true}}"),
    ],
)
def test_an_error_shows_no_secret(
    stack: RunningStack, metrics_ports: list[int], name: str, task: str
) -> None:
    body = f"""
        use: {{secrets: [refused, raised]}}
        do:
        - fail: {task}
    """
    report = stack.run(named(f"error-{name}", body))
    assert report.phase == "faulted"
    assert "***" in report.error["detail"]
    assert_unseen(stack, metrics_ports, report)


def test_no_part_of_a_secret_is_left_where_an_answer_is_cut(stack: RunningStack) -> None:
    body = """
        use: {secrets: [refused]}
        do:
        - ask:
            call: http
            with: {method: post, endpoint: 'https://api.example.com/cut', body: {a: '${ $secrets.refused }'}}
    """
    detail = stack.run(named("cut", body)).error["detail"]
    assert "xxx" in detail
    assert VALUES["refused"][:3] not in detail


def test_a_secret_that_is_not_there_is_an_authorization_error(stack: RunningStack) -> None:
    body = """
        use: {secrets: [nobody]}
        do:
        - own: {call: 'test.own:1.0.0', with: {a: ['${ $secrets.nobody }']}}
    """
    error = stack.run(named("missing-secret", body)).error
    assert (error["type"].rpartition("/")[2], error["status"]) == ("authorization", 403)
    assert error["detail"] == f"there is no secret nobody for the namespace {NAMESPACE}"


def assert_unseen(stack: RunningStack, metrics_ports: list[int], report: Report) -> None:
    """The same, with metrics and lifecycle events."""
    more = {"lifecycle": stack.wait(_lifecycle(stack))}
    for port in metrics_ports:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            more[f"metrics {port}"] = answer.read()
    assert_nowhere(VALUES, stack, report, more)


async def _lifecycle(stack: RunningStack) -> bytes:
    """All lifecycle events so far: a heartbeat says that there are no more."""
    channel = connect(stack.stack.layout.address("engine"))
    request = lifecycle.SubscribeRequest(namespace="-", start=lifecycle.LIFECYCLE_START_BEGINNING)
    stream = LifecycleServiceStub(channel).Subscribe(request)
    events = b""
    async with asyncio.timeout(20):
        async for message in stream:
            if events and not message.events:
                break
            events += message.SerializeToString()
    stream.cancel()
    await channel.close()
    return events
