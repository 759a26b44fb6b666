"""Programs through the whole stack: the page's own example, and what becomes of errors."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.documents import NAMESPACE, named
from tests.e2e.running import RunningStack
from tests.unit.actions.programs import marked
from tests.unit.dsl.shared_data import shared_directory
from tidemill.api.engine.v1 import execution_service_pb2 as executions

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(180),
    pytest.mark.skipif(sys.platform != "linux", reason="programs run on Linux alone"),
]

ERRORS = "https://open-workflow-specification.org/spec/1.0.0/errors/"
ON = "shell,script"
CALLS = Path(__file__).parents[2] / "docs" / "calls.md"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack whose Action service runs programs."""
    with RunningStack(
        tmp_path_factory.mktemp("stack"),
        TIDEMILL_ACTIONS_PROCESSES=ON,
        TIDEMILL_ACTIONS_PROCESS_PYTHON=sys.executable,
    ) as running:
        yield running


def example(name: str) -> str:
    """A document of the language's own examples."""
    return (shared_directory() / "examples" / f"{name}.yaml").read_text()


@pytest.mark.parametrize(
    ("returns", "output"),
    [
        ("all", {"code": 0, "stdout": "out\n", "stderr": "err\n"}),
        ("code", 0),
        ("none", None),
        ("stderr", "err\n"),
    ],
)
def test_the_examples_of_what_is_returned_with_a_shell(
    stack: RunningStack, returns: str, output: object
) -> None:
    text = example(f"run-return-{returns}").replace("name: run-container", f"name: run-return-{returns}")
    shell, replaced = re.subn(
        r"container:\s+image: hello-world", "shell: {command: echo out; echo err >&2}", text
    )
    assert replaced == 1
    assert stack.run(shell).output == output


def test_the_example_of_the_page(stack: RunningStack) -> None:
    section = re.split(r"^## Processes$", CALLS.read_text(), flags=re.MULTILINE)[1]
    match = re.search(r"^```yaml\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert match is not None
    report = stack.run(match[1], {"text": "a b c", "name": "Ada", "numbers": [1, 2, 3]})
    assert report.output == {"said": 6, "code": 0}


def test_a_code_is_an_error_that_can_be_caught(stack: RunningStack) -> None:
    body = f"""
        do:
        - guard:
            try:
            - ask: {{run: {{shell: {{command: 'echo no >&2; exit 4'}}}}}}
            catch:
              errors: {{with: {{type: '{ERRORS}runtime', status: 500}}}}
              do:
              - note: {{set: '${{ $error.detail }}'}}
    """
    assert stack.run(named("program-code", body)).output == "the process ended with code 4: no"


def test_a_retry_runs_a_program_again_under_its_key(stack: RunningStack, tmp_path: Path) -> None:
    body = """
        do:
        - guard:
            try:
            - ask:
                run:
                  shell:
                    command: 'echo $TIDEMILL_IDEMPOTENCY_KEY >> $1; [ $(wc -l < $1) = 3 ] && cat $1'
                    arguments: ['${ . }']
            catch: {retry: {delay: PT0.01S, limit: {attempt: {count: 5}}}}
    """
    report = stack.run(named("program-retry", body), str(tmp_path / "keys"))
    keys = report.output.split()
    assert keys == [f"{report.execution_id}:/do/0/guard/try/0/ask#1"] * 3


def test_a_timeout_ends_the_program(stack: RunningStack, tmp_path: Path) -> None:
    mark = f"mark-{tmp_path}"
    body = """
        do:
        - ask:
            run:
              shell: {command: 'sleep 300 & sleep 300', environment: {MARK: '${ . }'}}
            timeout: {after: {milliseconds: 700}}
    """
    report = stack.run(named("program-timeout", body), mark)
    assert (report.phase, report.error["status"]) == ("faulted", 408)
    stack.until(lambda: marked(mark) == [])


def test_a_cancelled_execution_takes_its_program_along(stack: RunningStack, tmp_path: Path) -> None:
    mark = f"mark-{tmp_path}"
    body = """
        do:
        - ask:
            run:
              script: {language: python, code: 'import time; time.sleep(300)', environment: {MARK: '${ . }'}}
    """
    started = stack.start(stack.publish(named("program-cancel", body)), mark)
    stack.until(lambda: marked(mark) != [])
    request = executions.CancelRequest(
        namespace=NAMESPACE, execution_id=started.execution_id, reason="enough"
    )
    stack.wait(stack.client.executions.cancel(request))
    assert stack.closed(started).phase == "cancelled"
    stack.until(lambda: marked(mark) == [])


def test_a_program_that_nobody_waits_for_goes_on(stack: RunningStack, tmp_path: Path) -> None:
    body = """
        do:
        - ask: {run: {shell: {command: 'sleep 0.5; touch $1', arguments: ['${ .done }']}, await: false}}
    """
    done = tmp_path / "done"
    assert stack.run(named("program-detached", body), {"done": str(done)}).output == {"done": str(done)}
    stack.until(done.exists)


def test_a_killed_action_service_leaves_no_program_and_runs_it_again(
    stack: RunningStack, tmp_path: Path
) -> None:
    mark, again = f"mark-{tmp_path}", tmp_path / "again"
    body = """
        do:
        - ask:
            run:
              shell:
                command: '[ -e $1 ] && echo done || sleep 300'
                arguments: ['${ .again }']
                environment: {MARK: '${ .mark }'}
    """
    given = {"again": str(again), "mark": mark}
    started = stack.start(stack.publish(named("program-killed", body)), dict(given))
    stack.until(lambda: marked(mark) != [])
    again.touch()
    stack.restart("actions")
    assert stack.closed(started).output == "done\n"
    # Its guard ends it as soon as it sees that its service is gone, whatever the next service does meanwhile.
    stack.until(lambda: marked(mark) == [])


def test_a_kind_that_is_off_is_an_error_that_says_how_to_turn_it_on(stack: RunningStack) -> None:
    stack.restart("actions", TIDEMILL_ACTIONS_PROCESSES="script")
    try:
        report = stack.run(example("run-shell-stdin-and-arguments").replace("1.0.0", "1.0.1"))
        script = stack.run(
            named("program-on", "do: [{a: {run: {script: {language: js, code: console.log(1)}}}}]")
        )
    finally:
        stack.restart("actions", TIDEMILL_ACTIONS_PROCESSES=ON)
    assert (report.phase, report.error["type"], report.error["status"]) == (
        "faulted",
        ERRORS + "configuration",
        400,
    )
    assert report.error["instance"] == "/do/1/runShell"
    assert "TIDEMILL_ACTIONS_PROCESSES=shell turns it on" in report.error["detail"]
    assert script.output == "1\n"
