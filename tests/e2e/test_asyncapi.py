"""`call: asyncapi` through the whole stack: the language's examples, a real broker, and killed services."""

import json
import os
import re
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from websockets.sync.server import Server, ServerConnection, serve

from tests.asyncapi_documents import NOTIFICATIONS, document_v2, document_v3
from tests.e2e.documents import NAMESPACE, in_namespace, named
from tests.e2e.running import RunningStack
from tests.e2e.web import Answer, Request, serving
from tests.unit.dsl.shared_data import shared_path
from tidemill.api.engine.v1 import execution_service_pb2 as executions
from tidemill.auditing.check import CheckOptions, check
from tidemill.json import Json, dumps
from tidemill.testing.servers import KafkaServer
from tidemill.testing.servers.kafka import PASSWORD, USER

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

HOST: Final = "fake.com"
URI: Final = f"https://{HOST}/docs/asyncapi.json"
# What the examples' filter takes with an empty context, and what it does not.
TAKEN: Final[Json] = {}
LEFT: Final[Json] = {"from": {"firstName": "Ada"}}


class Outside:
    """Everything outside: documents and a service on the web, a broker, and a WebSocket that sends notes."""

    def __init__(self, kafka: KafkaServer) -> None:
        self.kafka = kafka
        self.document: dict[str, Any] = document_v3()
        self.asked: list[Request] = []

    def answer(self, request: Request) -> Answer:
        if request.path.startswith("/docs/"):
            return Answer(200, self.document)
        self.asked.append(request)
        return Answer(200, {"found": request.body})

    def run(self, work: Callable[[AIOKafkaProducer], Coroutine[Any, Any, None]]) -> Coroutine[Any, Any, None]:
        async def run() -> None:
            async with AIOKafkaProducer(bootstrap_servers=self.kafka.bootstrap) as producer:
                await work(producer)

        return run()

    def notes(self, *payloads: Json, topic: str = NOTIFICATIONS) -> Coroutine[Any, Any, None]:
        """Have somebody publish notes."""

        async def publish(producer: AIOKafkaProducer) -> None:
            for payload in payloads:
                await producer.send_and_wait(topic, dumps(payload))

        return self.run(publish)


async def make_topics(kafka: KafkaServer, *names: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 1, 1) for name in names])
    finally:
        await admin.close()


@contextmanager
def notes_by_socket() -> Iterator[str]:
    """A WebSocket whose every third note is one that nobody asked for."""

    def handler(connection: ServerConnection) -> None:
        for number in range(30):
            note: dict[str, Json] = {"n": number, **({} if number % 3 else {"from": {"firstName": "Ada"}})}
            connection.send(dumps(note))

    server: Server = serve(handler, "127.0.0.1", 0)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.socket.getsockname()[1]}"
    finally:
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def outside(kafka_server: KafkaServer) -> Outside:
    kafka_server.start()
    return Outside(kafka_server)


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `file:` documents."""
    return tmp_path_factory.mktemp("documents")


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, outside: Outside, documents: Path
) -> Iterator[RunningStack]:
    with serving(outside.answer) as here, notes_by_socket() as socket:
        settings = {
            "TIDEMILL_ACTIONS_HTTP_HOSTS": f"{HOST}={here}",
            "TIDEMILL_ENGINE_FETCH_HOSTS": f"{HOST}={here}",
            "TIDEMILL_ENGINE_FETCH_FOLDER": str(documents),
            # As the page has it.
            "TIDEMILL_ACTIONS_KAFKA_HOSTS": f"localhost:9092={outside.kafka.bootstrap}",
            # Short, so that calls come back with nothing while the tests run.
            "TIDEMILL_ACTIONS_KAFKA_WAIT_US": "300000",
            f"TIDEMILL_SECRET.{NAMESPACE}.kafka": PASSWORD,
        }
        with RunningStack(tmp_path_factory.mktemp("asyncapi"), **settings) as running:
            running.wait(make_topics(outside.kafka, NOTIFICATIONS, "orders", "numbers", "guarded"))
            outside.document = document_v3(kafka=outside.kafka.bootstrap, web=HOST, socket=socket)
            yield running


def example(name: str) -> str:
    """An example of the language, in a namespace of its own: they all have one name."""
    text = (shared_path() / "examples" / f"call-asyncapi-{name}.yaml").read_text()
    return in_namespace(f"example-{name}", text)


def begun(stack: RunningStack, document: str, value: Json = None) -> Any:  # noqa: ANN401 - a start's answer
    """An execution whose subscription has begun: what is sent from now on it hears."""
    started = stack.start(stack.publish(document), value)
    # What is started is not yet stored.
    stack.wait(stack.client.executions.get(started.execution_id, at_least=started.position))

    def has_begun() -> bool:
        return bool(rounds(stack, started.execution_id))

    stack.until(has_begun)
    return started


def rounds(stack: RunningStack, execution_id: str) -> list[Any]:
    """What each call of the first task has brought."""
    history = stack.wait(stack.client.executions.history(execution_id))
    completed = [one.event.round_completed for one in history if one.event.HasField("round_completed")]
    return [json.loads(one.output.data) for one in completed if one.reference.count("/") == 3]


def taken(stack: RunningStack, execution_id: str) -> int:
    return sum(len(one["messages"]) for one in rounds(stack, execution_id))


def output(report: Any) -> Any:  # noqa: ANN401 - any JSON value
    assert (report.phase, report.error) == ("completed", None)
    return report.output


def test_the_page_says_what_comes_of_it(stack: RunningStack, documents: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "calls.md").read_text().partition("\n## AsyncAPI\n")[2]
    described, place, watch = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[:3]
    (documents / "orders.asyncapi.yaml").write_text(described)
    watching = begun(stack, watch, {"customer": "ada"})
    placing = stack.publish(place)
    placed = [
        output(stack.closed(stack.start(placing, {"customer": customer, "total": total})))
        for customer, total in (("ada", 70), ("bob", 90), ("ada", 50))
    ]
    watched = output(stack.closed(watching))
    told = re.findall(r"`([\[{]\"[^`]*|\[\{[^`]*)`", page.partition("Placing gives")[2])[:2]
    assert [placed[0], watched] == [json.loads(" ".join(text.split())) for text in told]


def test_the_example_that_publishes(stack: RunningStack, outside: Outside) -> None:
    report = stack.run(example("publish"), {"pet": {"id": 7}, "token": "t0k"})
    assert output(report) == {"found": {"petId": 7}}
    [request] = outside.asked
    assert (request.method, request.path) == ("POST", "/v1/pets/find")
    assert request.headers["authorization"] == "Bearer t0k"
    assert request.headers["idempotency-key"].startswith(report.execution_id)


def test_the_example_that_takes_an_amount_over_a_web_socket(stack: RunningStack) -> None:
    notes = [message["payload"]["n"] for message in output(stack.run(example("subscribe-consume-amount")))]
    assert notes == [1, 2, 4, 5, 7]


@pytest.mark.parametrize("name", ["subscribe-consume-while", "subscribe-consume-until"])
def test_the_examples_that_take_five_by_a_condition(stack: RunningStack, outside: Outside, name: str) -> None:
    before = outside.document
    if name.endswith("until"):
        # A channel by its name is of the second version.
        outside.document = document_v2(kafka=outside.kafka.bootstrap, web=HOST)
    started = begun(stack, example(name))
    outside.document = before
    stack.wait(outside.notes(TAKEN, LEFT, TAKEN, TAKEN, LEFT, TAKEN, TAKEN, TAKEN))
    messages = output(stack.closed(started))
    assert [message["payload"] for message in messages] == [TAKEN] * 5


def test_the_example_that_takes_forever_and_emits(stack: RunningStack, outside: Outside) -> None:
    name = "subscribe-consume-forever-foreach"
    hearer = named(
        "hearer",
        """
        do:
        - hear:
            listen:
              to:
                any: [{with: {type: io.serverlessworkflow.samples.asyncapi.message.consumed.v1}}]
                until: length == 2
        """,
    )
    hearing = stack.start(stack.publish(in_namespace(f"example-{name}", hearer)))
    started = begun(stack, example(name))
    stack.wait(outside.notes({"text": "one"}, LEFT, {"text": "two"}))
    heard = output(stack.closed(hearing))
    assert [event["message"]["payload"]["text"] for event in heard] == ["one", "two"]
    assert stack.report(started.execution_id).phase == "running"
    request = executions.CancelRequest(
        namespace=f"example-{name}", execution_id=started.execution_id, reason="seen enough"
    )
    stack.wait(stack.client.executions.cancel(request))
    assert stack.closed(started).phase == "cancelled"


def counting(name: str, consume: str, foreach: str = "") -> str:
    document = document_of_numbers()
    return named(
        name,
        f"""
        do:
        - count:
            call: asyncapi
            with:
              document: {{endpoint: '{document}'}}
              channel: numbers
              subscription:
                consume: {consume}
{foreach}
        """,
    )


def document_of_numbers() -> str:
    return f"https://{HOST}/docs/numbers.json"


def numbers(kafka: str, **server: Json) -> dict[str, Any]:
    """A document with channels for numbers."""
    return {
        "asyncapi": "3.0.0",
        "servers": {"broker": {"host": kafka, "protocol": "kafka", **server}},
        "channels": {name: {"address": name} for name in ("numbers", "guarded", "missing")},
    }


@pytest.fixture
def of_numbers(outside: Outside) -> Iterator[None]:
    before = outside.document
    outside.document = numbers(outside.kafka.bootstrap)
    yield
    outside.document = before


FOREACH: Final = """\
                foreach:
                  do:
                  - double: {set: {n: '${ $item.payload.n * 2 }', at: '${ $index }'}}
                  output: {as: '${ [.n, .at] }'}
"""


@pytest.mark.usefixtures("of_numbers")
def test_killed_services_lose_and_double_no_message(stack: RunningStack, outside: Outside) -> None:
    plain = begun(stack, counting("crash", "{amount: 40}"))
    each = begun(stack, counting("crash-foreach", "{amount: 40}", FOREACH))
    sent = 0

    def publish(count: int) -> None:
        nonlocal sent
        notes: list[Json] = [{"n": number} for number in range(sent, sent + count)]
        stack.wait(outside.notes(*notes, topic="numbers"))
        sent += count

    def until_taken(count: int) -> None:
        stack.until(lambda: min(taken(stack, one.execution_id) for one in (plain, each)) >= count)

    publish(10)
    until_taken(5)
    stack.wait(stack.stack.kill("actions"))
    publish(10)
    stack.wait(stack.stack.restart("actions"))
    publish(10)
    until_taken(15)
    stack.wait(stack.stack.kill("engine"))
    stack.wait(stack.stack.kill("actions"))
    publish(15)
    stack.wait(stack.stack.restart("engine"))
    stack.wait(stack.stack.restart("actions"))
    assert [message["payload"]["n"] for message in output(stack.closed(plain))] == list(range(40))
    assert output(stack.closed(each)) == [[number * 2, number] for number in range(40)]


@pytest.mark.usefixtures("of_numbers")
def test_what_a_workflow_publishes_another_one_takes(stack: RunningStack, outside: Outside) -> None:
    outside.document = numbers(outside.kafka.sasl_bootstrap)
    channel = f"document: {{endpoint: '{document_of_numbers()}'}}, channel: guarded"
    basic = f"authentication: {{basic: {{username: {USER}, password: '${{ $secrets.kafka }}'}}}}"
    taking = named(
        "taking",
        f"""
        use: {{secrets: [kafka]}}
        do:
        - take:
            call: asyncapi
            with: {{{channel}, {basic}, subscription: {{consume: {{amount: 2}}}}}}
        """,
    )
    sending = named(
        "sending",
        f"""
        use: {{secrets: [kafka]}}
        do:
        - first:
            call: asyncapi
            with: {{{channel}, {basic}, message: {{payload: {{n: 1}}, headers: {{x: a}}}}}}
        - second:
            call: asyncapi
            with: {{{channel}, {basic}, message: {{payload: {{n: '${{ .offset + 2 }}'}}}}}}
        """,
    )
    taker = begun(stack, taking)
    sender = stack.run(sending)
    assert output(sender) == {"topic": "guarded", "partition": 0, "offset": 1}
    messages = output(stack.closed(taker))
    assert [message["payload"] for message in messages] == [{"n": 1}, {"n": 2}]
    assert messages[0]["headers"]["x"] == "a"
    assert messages[0]["headers"]["idempotency-key"].startswith(sender.execution_id)
    for execution_id in (taker.execution_id, sender.execution_id):
        assert PASSWORD not in str(stack.wait(stack.client.executions.history(execution_id)))
    folder: Path = stack.stack.layout.data
    assert not [path for path in folder.glob("*.log") if PASSWORD in path.read_text()]


@pytest.mark.usefixtures("of_numbers")
def test_time_may_run_out_before_anything_comes(stack: RunningStack) -> None:
    assert output(stack.run(counting("brief", "{amount: 1, for: {milliseconds: 700}}"))) == []


@pytest.mark.usefixtures("of_numbers")
def test_what_goes_wrong_is_an_error_of_the_task(stack: RunningStack) -> None:
    report = stack.run(counting("missing", "{amount: 1}").replace("channel: numbers", "channel: missing"))
    assert (report.error["status"], report.error["instance"]) == (404, "/do/0/count")


def test_what_is_stored_of_it_all_is_right(stack: RunningStack) -> None:
    report = check(stack.stack.layout.environment(os.environ), CheckOptions())
    assert {found.name: found.violations for found in report.found if found.violations} == {}
