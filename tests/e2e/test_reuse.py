"""Functions and extensions through the whole stack: the language's own examples, with a stub outside."""

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import sample_settings
from tests.e2e.documents import named
from tests.e2e.running import RunningStack
from tests.e2e.web import Answer, Request, serving
from tests.unit.dsl.shared_data import shared_directory
from tidemill.json import Json

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

HOSTS = ("petstore.swagger.io", "fake.com", "mocked.service.com")
MOCK: Json = {
    "statusCode": 200,
    "headers": {"Content-Type": "application/json"},
    "content": {"foo": {"bar": "baz"}},
}
ASKED: list[Request] = []


def outside(request: Request) -> Answer:
    """Answers with what was asked, and remembers it."""
    ASKED.append(request)
    return Answer(200, {"host": request.headers["host"], "path": request.path})


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with serving(outside) as base:
        hosts = ",".join(f"{host}={base}" for host in HOSTS)
        data = tmp_path_factory.mktemp("reuse")
        with RunningStack(data, TIDEMILL_ACTIONS_HTTP_HOSTS=hosts, **sample_settings()) as running:
            yield running


@pytest.fixture(autouse=True)
def asked() -> list[Request]:
    """What the outside is asked during the test."""
    ASKED.clear()
    return ASKED


def example(name: str) -> str:
    return (shared_directory() / "examples" / f"{name}.yaml").read_text()


def test_arguments_that_its_schema_refuses_ask_nobody(stack: RunningStack, asked: list[Request]) -> None:
    document = example("call-custom-function-inline").replace("petId: 69", "petId: none")
    report = stack.run(document.replace("version: '0.1.0'", "version: '0.2.0'"))
    assert (report.phase, report.error["status"]) == ("faulted", 400)
    assert report.error["type"].endswith("/validation")
    assert report.error["instance"] == "/do/0/getPet/use/functions/getPetById"
    assert asked == []


@pytest.mark.parametrize("form", ["text", "object"])
def test_the_example_of_a_mock_answers_for_the_service_that_it_mocks(
    stack: RunningStack, asked: list[Request], form: str
) -> None:
    document = example("mock-service-extension").replace("fake.com", "mocked.service.com")
    document = document.replace("sample-workflow", f"mocked-{form}")
    if form == "text":
        document = document.replace("endpoint:\n          uri: ", "endpoint: ")
        assert "endpoint: https://mocked.service.com/sample" in document
    report = stack.run(document)
    assert report.output == MOCK
    assert report.names == ["callHttp", "mockResponse"]
    assert asked == []


def test_what_waits_in_a_function_and_in_an_extension_goes_on_after_a_kill(
    stack: RunningStack, asked: list[Request]
) -> None:
    body = """
        use:
          functions:
            slowly:
              do:
              - ask: {call: http, with: {method: get, endpoint: 'https://fake.com/{n}'}, output: {as: $input}}
              - pause: {wait: {seconds: 2}}
              - tell: {set: {told: '${ .n }'}}
          extensions:
          - late:
              extend: set
              after:
              - pause: {wait: {seconds: 1}}
              - add: {set: '${ . + {late: true} }'}
        do:
        - one: {call: slowly, with: {n: 1}}
    """
    started = stack.start(stack.publish(named("reuse-after-kill", body)))
    stack.until(lambda: bool(asked))
    stack.restart("engine")
    report = stack.closed(started)
    assert report.output == {"told": 1, "late": True}
    assert [request.path for request in asked] == ["/1"]
    assert report.names == ["one", "slowly", "ask", "pause", "tell", "tell", "pause", "add"]
