"""A catalog, a function by URL and scripts from outside in one stack: what is published stays what it was."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.documents import NAMESPACE, named
from tests.e2e.running import Report, RunningStack
from tests.e2e.web import Answer, Request, serving
from tidemill.api.engine.v1.definition_service_pb2 import Definition
from tidemill.api.engine.v1.execution_service_pb2 import StartResponse
from tidemill.api.events.v1.payload_pb2 import CloudEvent
from tidemill.errors import TidemillError
from tidemill.json import Json, dumps

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(180),
    pytest.mark.skipif(sys.platform != "linux", reason="programs run on Linux alone"),
]

TOKEN = "t0ken-of-the-catalog"
FUNCTION = """\
# Greets, waits for a word of the customer, and tells both.
input:
  schema: {document: {type: object, required: [name]}}
do:
- greet:
    run:
      script: {language: python, source: {endpoint: greet.py}, arguments: ['${ .name }']}
    export: {as: '{greeting: .}'}
- hear:
    listen: {to: {one: {with: {type: answered}}}}
- tell:
    call: https://functions.example.com/tell.yaml
    with: {greeting: '${ $context.greeting }', answer: '${ .[0].word }'}
"""
TELL: Json = {
    "input": {"schema": {"resource": {"endpoint": "tell.json"}}},
    "call": "tidemill.echo:1.0.0",
    "with": {"told": '${ "\\(.greeting) \\(.answer)" }'},
}
WORKFLOW = """
use:
  catalogs:
    ours: {endpoint: 'file:catalog'}
    theirs:
      endpoint: {uri: 'https://catalog.example.com/v1', authentication: {bearer: {token: %s}}}
do:
- welcome: {call: 'welcome:1.0.0@ours', with: {name: '${ .name }'}}
- shout: {call: 'shout:2.1.0@theirs', with: {text: '${ .told }'}}
- count:
    run:
      script: {language: python, source: {endpoint: 'https://functions.example.com/count.py'}}
    output: {as: '{shouted: $input.shouted, counted: .}'}
"""


@dataclass
class Sources:
    """Where functions come from: a web server and a folder. What is `gone` answers 404, and is no file."""

    folder: Path
    texts: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def fill(self, *, mark: str = "") -> None:
        """Put everything there; the mark changes what it says."""
        place = self.folder / "catalog/functions/welcome/1.0.0"
        place.mkdir(parents=True, exist_ok=True)
        (place / "function.yaml").write_text(FUNCTION)
        (place / "greet.py").write_text(f"import sys\nprint('Hello{mark},', sys.argv[1], end='')\n")
        self.texts = {
            "functions.example.com/tell.yaml": TELL,
            "functions.example.com/tell.json": {"required": ["answer"]},
            "functions.example.com/count.py": f"print('1{mark}', end='')\n".encode(),
            "catalog.example.com/v1/functions/shout/2.1.0/function.yaml": {
                "set": {"shouted": f'${{ .text | ascii_upcase | . + "{mark}" }}'}
            },
        }

    def empty(self) -> None:
        """Take everything away."""
        self.texts.clear()
        for path in [*self.folder.rglob("*.*")]:
            if path.is_file():
                path.unlink()

    def answer(self, request: Request) -> Answer:
        """The document of a host and path, which the catalog gives to those with its token alone."""
        host = request.headers["host"]
        self.asked.append(f"{host}{request.path}")
        if host.startswith("catalog") and request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer(401, {})
        if f"{host}{request.path}" not in self.texts:
            return Answer(404, {})
        return Answer(200, self.texts[f"{host}{request.path}"])


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    return Sources(tmp_path_factory.mktemp("functions"))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, sources: Sources) -> Iterator[RunningStack]:
    with serving(sources.answer) as here:
        hosts = f"functions.example.com={here},catalog.example.com={here}"
        with RunningStack(
            tmp_path_factory.mktemp("stack"),
            TIDEMILL_ENGINE_FETCH_HOSTS=hosts,
            TIDEMILL_ENGINE_FETCH_FOLDER=str(sources.folder),
            TIDEMILL_ACTIONS_PROCESSES="script",
            TIDEMILL_ACTIONS_PROCESS_PYTHON=sys.executable,
        ) as running:
            yield running


def document(version: str = "1.0.0") -> str:
    return named("greeting", WORKFLOW % TOKEN).replace("version: '1.0.0'", f"version: '{version}'")


def waiting(stack: RunningStack, definition: Definition, name: str) -> StartResponse:
    """An execution that has come to the wait in the function."""
    started = stack.start(definition, {"name": name}, subject=name)
    stack.wait(stack.client.executions.get(started.execution_id, at_least=started.position))
    stack.until(lambda: "hear" in stack.report(started.execution_id).names)
    return started


def ended(stack: RunningStack, started: StartResponse, name: str) -> Report:
    """How it ends once the customer has answered."""
    word = dumps({"word": f"says {name}"})
    event = CloudEvent(id=f"1-{name}", source="/e", type="answered", subject=name, data=word)
    [_] = stack.wait(stack.client.events.publish(NAMESPACE, [event]))
    return stack.closed(started)


def test_what_is_published_stays_what_it_was(stack: RunningStack, sources: Sources) -> None:
    sources.fill()
    definition = stack.publish(document())
    pinned = {one.uri for one in definition.pinned_documents}
    catalog = "file:catalog/functions/welcome/1.0.0"
    assert pinned == {
        f"{catalog}/function.yaml",
        f"{catalog}/greet.py",
        *(f"https://{source}" for source in sources.texts),
    }
    assert sorted(sources.asked) == sorted(sources.texts)

    first = ended(stack, waiting(stack, definition, "ada"), "ada")
    assert (first.phase, first.error) == ("completed", None)
    assert first.output == {"shouted": "HELLO, ADA SAYS ADA", "counted": "1"}
    # As though the function stood in the document.
    [tell] = [task for task in first.tasks if task["name"] == "tell"]
    assert tell["reference"] == "/do/0/welcome/use/functions/welcome:1.0.0@ours/do/2/tell"

    # What it came from says something else, then nothing; and the engine forgets all that it knew.
    before = waiting(stack, definition, "bob")
    sources.fill(mark="!")
    changed = ended(stack, waiting(stack, definition, "cyd"), "cyd")
    assert changed.output == {"shouted": "HELLO, CYD SAYS CYD", "counted": "1"}
    sources.empty()
    stack.restart("engine")
    stack.restart("actions")
    assert ended(stack, before, "bob").output == {"shouted": "HELLO, BOB SAYS BOB", "counted": "1"}
    again = ended(stack, waiting(stack, definition, "dan"), "dan")
    assert again.output == {"shouted": "HELLO, DAN SAYS DAN", "counted": "1"}
    assert again.names == first.names
    assert stack.publish(document()) == definition

    # Another version needs what is there now.
    with pytest.raises(TidemillError) as refusal:
        stack.publish(document("2.0.0"))
    assert refusal.value.reason_name == "DOCUMENT_UNAVAILABLE"
    assert "cannot be fetched: " in refusal.value.message
    assert TOKEN not in refusal.value.message + str(refusal.value.metadata)
    sources.fill(mark="!")
    second = stack.publish(document("2.0.0"))
    newer = ended(stack, waiting(stack, second, "eve"), "eve")
    assert newer.output == {"shouted": "HELLO!, EVE SAYS EVE!", "counted": "1!"}


def test_what_fails_in_a_function_is_an_error_of_the_run(stack: RunningStack, sources: Sources) -> None:
    sources.fill()
    use = "use: {catalogs: {ours: {endpoint: 'file:catalog'}}}\n"
    report = stack.run(named("failing", f"{use}do:\n- it: {{call: 'welcome:1.0.0@ours'}}\n"))
    assert (report.phase, report.error["status"]) == ("faulted", 400)
    assert report.error["type"].endswith("/validation")
    assert report.error["instance"] == "/do/0/it/use/functions/welcome:1.0.0@ours"


def test_the_example_of_the_page_runs(stack: RunningStack, sources: Sources) -> None:
    page = (Path(__file__).parents[2] / "docs/dsl/reuse.md").read_text()
    page = page.partition("\n## Functions from outside\n")[2]
    named_blocks = dict(re.findall(r"^```\w+ (\S+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    workflow = named_blocks.pop("greet-visitor.yaml")
    for name, text in named_blocks.items():
        path = sources.folder / "catalog" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert stack.run(workflow, {"visitor": "Ada"}).output == {"text": "Hello, Ada!"}
