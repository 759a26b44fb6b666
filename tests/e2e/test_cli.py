"""The command line as people and scripts call it, over a stack that `tidemill dev` runs."""

import json
import os
import re
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.unit.diagrams.mermaid_grammar import parse
from tests.unit.dsl.shared_data import shared_directory
from tidemill.stack.ports import free_ports, is_free

pytestmark = pytest.mark.e2e

READY = re.compile(r"ready engine=(\S+) triggers=(\S+) actions=(\S+) http=http://(\S+)\n")
COMMAND_SECONDS_MAX = 30
GREET = """
document: {dsl: '1.0.3', namespace: shop, name: greet, version: '1.0.0'}
do:
- hello:
    set: {text: '${ "hello " + .name }'}
- never:
    if: '${ .absent }'
    set: {text: never}
"""
WAITS = """
document: {dsl: '1.0.3', namespace: shop, name: waits, version: '1.0.0'}
do:
- sleep:
    wait: {hours: 1}
"""
FAULTS = """
document: {dsl: '1.0.3', namespace: shop, name: faults, version: '1.0.0'}
do:
- broken:
    raise:
      error: {type: 'https://example.com/errors/broken', status: 418, title: Broken, detail: it broke}
"""
HEARS = """
document: {dsl: '1.0.3', namespace: shop, name: hears, version: '1.0.0'}
schedule:
  on:
    one: {with: {type: com.example.lead.created}}
do:
- note:
    set: {lead: '${ .[0].id }'}
"""
LISTENS = """
document:
  dsl: '1.0.3'
  namespace: till
  name: listens
  version: 1.0.0
  metadata: {tidemill: {reentry: once}}
schedule: {cron: '0 0 29 2 *'}
do:
- hear:
    listen:
      to:
        one: {with: {type: order.paid}, correlate: {order: {from: .data.id, expect: '${ .id }'}}}
"""
TRAVELS = """
document: {dsl: '1.0.3', namespace: shop, name: travels, version: '1.0.0'}
do:
- rounds:
    for: {in: '[1, 2, 3]'}
    do:
    - odd:
        if: $item != 2
        set: {n: '${ $item }'}
- choose:
    switch:
    - large: {when: .n > 2, then: careful}
    - small: {then: end}
- beside:
    set: {beside: true}
- careful:
    try:
    - broken:
        raise:
          error: {type: 'https://example.com/errors/broken', status: 418, title: Broken}
    catch:
      retry:
        delay: {milliseconds: 10}
        limit: {attempt: {count: 2}}
"""
REFUSED = """
document: {dsl: '1.0.3', namespace: shop, name: refused, version: '1.0.0'}
do:
- one:
    set: {a: 1}
    then: nowhere
"""


@dataclass(frozen=True)
class Ended:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> Any:  # noqa: ANN401 - tests read into it freely
        return json.loads(self.out)


@dataclass(frozen=True)
class Dev:
    """A running `tidemill dev`."""

    process: "subprocess.Popen[str]"
    engine: str


Tidemill = Callable[..., Ended]


def tidemill_command(*arguments: str, environment: dict[str, str]) -> Ended:
    ended = subprocess.run(
        [sys.executable, "-m", "tidemill.cli", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS_MAX,
        check=False,
    )
    assert "Traceback" not in ended.stderr
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def plain_environment(**variables: str) -> dict[str, str]:
    """Ours, without what points to a stack."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TIDEMILL_")}
    return {**inherited, **variables}


def free_base() -> int:
    """A port with three free ones behind it."""
    while True:
        (base,) = free_ports(1)
        if all(is_free(base + offset) for offset in range(4)):
            return base


def start_dev(data: Path, base: int, log: Path) -> Dev:
    with log.open("a") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "tidemill.cli", "dev", "--data", str(data), "--port-base", str(base)],
            env=plain_environment(),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdout is not None
    line = process.stdout.readline()
    ready = READY.fullmatch(line)
    assert ready, f"{line!r}: {log.read_text()}"
    assert [ready[number].rpartition(":")[2] for number in range(1, 5)] == [
        str(base + offset) for offset in range(4)
    ]
    return Dev(process, ready[1])


def stop(process: "subprocess.Popen[str]", number: signal.Signals) -> tuple[int, str]:
    """Exit code, and what was printed after the first line."""
    process.send_signal(number)
    rest, _ = process.communicate(timeout=COMMAND_SECONDS_MAX)
    return process.returncode, rest


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    folder = tmp_path_factory.mktemp("dev")
    found = start_dev(folder / "data", free_base(), folder / "log")
    yield found
    assert stop(found.process, signal.SIGINT) == (0, ""), (folder / "log").read_text()


@pytest.fixture
def tidemill(dev: Dev) -> Tidemill:
    """Run one command against the running stack."""
    environment = plain_environment(TIDEMILL_ENGINE=dev.engine)
    return lambda *arguments: tidemill_command(*arguments, environment=environment)


@pytest.fixture
def alone() -> Tidemill:
    """Run one command without a stack to talk to."""
    return lambda *arguments: tidemill_command(*arguments, environment=plain_environment())


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], str]:
    def write_document(text: str) -> str:
        path = tmp_path / "document.yaml"
        path.write_text(text)
        return str(path)

    return write_document


def test_a_workflow_is_published_started_and_read(tidemill: Tidemill, write: Callable[[str], str]) -> None:
    published = tidemill("publish", write(GREET), "--json")
    assert (published.json["namespace"], published.json["name"], published.json["version"]) == (
        "shop",
        "greet",
        "1.0.0",
    )
    started = tidemill("start", "shop/greet", "--input", '{"name": "you"}', "--subject", "c1", "--json").json
    execution_id = started["execution_id"]
    assert started["version"] == "1.0.0"
    assert tidemill("watch", execution_id, "--json").code == 0
    report = tidemill("get", execution_id, "--json").json
    assert set(report) == {
        *("execution_id", "namespace", "workflow", "version", "subject", "kind", "parent_execution_id"),
        *("phase", "started_at", "closed_at", "output", "error", "reason", "tasks"),
    }
    assert (report["execution_id"], report["phase"], report["output"]) == (
        execution_id,
        "completed",
        {"text": "hello you"},
    )
    assert [(task["name"], task["reference"], task["phase"]) for task in report["tasks"]] == [
        ("hello", "/do/0/hello", "completed"),
        ("never", "/do/1/never", "skipped"),
    ]
    kinds = [json.loads(line)["kind"] for line in tidemill("history", execution_id, "--json").lines]
    assert (kinds[0], kinds[-1]) == ("execution_started", "execution_completed")
    listed = tidemill("list", "--workflow", "greet", "--phase", "completed", "--json").lines
    assert execution_id in [json.loads(line)["execution_id"] for line in listed]
    assert tidemill("get", execution_id).code == 0
    assert tidemill("list").code == 0


def test_an_event_starts_what_listens_to_it_once(tidemill: Tidemill, write: Callable[[str], str]) -> None:
    assert tidemill("publish", write(HEARS)).code == 0
    emit = ("emit", "--type", "com.example.lead.created", "--id", "e1", "--data", '{"id": "L7"}', "--json")
    first, second = tidemill(*emit).json, tidemill(*emit).json
    assert (first["namespace"], first["executions"][0]["created"]) == ("shop", True)
    assert second["executions"][0]["created"] is False
    execution_id = first["executions"][0]["execution_id"]
    assert second["executions"][0]["execution_id"] == execution_id
    assert tidemill("watch", execution_id).code == 0
    assert tidemill("get", execution_id, "--json").json["output"] == {"lead": "L7"}


def test_it_is_told_why_executions_wait_and_why_one_does_not_start(
    tidemill: Tidemill, write: Callable[[str], str]
) -> None:
    assert tidemill("publish", write(LISTENS)).code == 0
    first = tidemill("start", "till/listens", "--subject", "c1", "--input", '{"id": 7}', "--json").json
    refused = tidemill("start", "till/listens", "--subject", "c1")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.endswith("(REENTRY_REFUSED)\n")
    (task,) = tidemill("get", first["execution_id"], "--json").json["tasks"]
    (event,) = task["waits_for"]["events"]
    assert (event["type"], event["expected"]) == ("order.paid", {"order": 7})
    listed = [json.loads(line) for line in tidemill("list", "--with-triggers", "--json").lines]
    (schedule,) = (row["execution_id"] for row in listed if row["kind"] == "trigger")
    waits = tidemill("get", schedule).lines
    assert any(line.startswith("waits for  20") for line in waits)
    emitted = tidemill("emit", "--type", "order.paid", "--data", '{"id": 7}')
    assert "in the namespace till, and it goes to those who wait" in emitted.out
    assert tidemill("watch", first["execution_id"]).code == 0
    assert tidemill("history", first["execution_id"], "--json").code == 0


def test_an_execution_is_suspended_resumed_and_cancelled(
    tidemill: Tidemill, write: Callable[[str], str]
) -> None:
    tidemill("publish", write(WAITS))
    execution_id = tidemill("start", "shop/waits", "--json").json["execution_id"]

    def after(command: str) -> tuple[str, str]:
        phase = tidemill(command, execution_id, "--json").json["phase"]
        (task,) = tidemill("get", execution_id, "--json").json["tasks"]
        return phase, task["phase"]

    assert after("suspend") == ("suspended", "suspended")
    assert after("resume") == ("waiting", "waiting")
    assert after("cancel") == ("cancelled", "cancelled")
    again = tidemill("resume", execution_id)
    assert again.code == 1
    assert "PHASE_CONFLICT" in again.err


def test_a_faulted_execution_is_retried(tidemill: Tidemill, write: Callable[[str], str]) -> None:
    tidemill("publish", write(FAULTS))
    execution_id = tidemill("start", "shop/faults", "--json").json["execution_id"]
    tidemill("watch", execution_id)
    assert tidemill("get", execution_id, "--json").json["error"] == {
        "type": "https://example.com/errors/broken",
        "status": 418,
        "title": "Broken",
        "detail": "it broke",
        "instance": "/do/0/broken",
    }
    assert tidemill("retry", execution_id).code == 0
    assert len(tidemill("get", execution_id, "--json").json["tasks"]) == 2


def test_an_execution_is_drawn_with_the_path_that_it_took(
    tidemill: Tidemill, alone: Tidemill, write: Callable[[str], str]
) -> None:
    document = write(TRAVELS)
    tidemill("publish", document)
    assert tidemill("show", "shop/travels").out == alone("show", document).out != ""
    execution_id = tidemill("start", "shop/travels", "--json").json["execution_id"]
    tidemill("watch", execution_id)

    lines = tidemill("show", execution_id).lines
    assert lines[1].startswith(f"execution {execution_id}, faulted, 418 Broken, ")
    told = [re.sub(r"\d\d:\d\d:\d\d\.\d{3} to \d\d:\d\d:\d\d\.\d{3}", "then to now", line) for line in lines]
    assert told[2:-1] == [
        "├─ start",
        "├─ ✓ for rounds: each item in [1, 2, 3]  [3 rounds, then to now]",
        "│  └─ ✓ set odd: n, if $item != 2  [2 times, skipped once, then to now]",
        "├─ ✓ switch choose  [then to now]",
        "│  ├─ large: .n > 2 → careful",
        "│  └─ small → end",
        "├─ · set beside: beside",
        "├─ ✗ try careful  [then to now]",
        "│  ├─ ✗ raise broken: 418 Broken  [3 times, then to now, attempt 3, 418 Broken]",
        "│  └─ catch any error, retry 2 times after 10 ms  [caught 2 times]",
        "└─ end",
    ]

    chart = parse(tidemill("show", execution_id, "--mermaid").out)
    thick = {(source, target, label) for source, arrow, label, target in chart.links if arrow == "==>"}
    assert {source for source, _, _ in thick} == {"start", "t1", "t2if", "t2", "t3", "t5", "t5catch", "t6"}
    assert {("t3", "t5", "large: .n > 2"), ("t5catch", "t5", "retry | 2 times"), ("t6", "fault", "")} <= thick
    assert {node.style for node in chart.nodes.values()} == {"", "completed", "faulted", "never"}
    links = tidemill("show", execution_id, "--json").json["links"]
    assert {link["taken"] for link in links if link["source"] == "/do/1/choose"} == {0, 1}


def test_there_are_no_dead_letters(tidemill: Tidemill) -> None:
    assert tidemill("dead-letter", "list", "--json") == Ended(0, "", "")
    assert tidemill("dead-letter", "redrive", "1").code == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("start", "shop/absent"), "DEFINITION_NOT_FOUND"),
        (("get", "00000000-00000000-0000-7000-8000-000000000000"), "EXECUTION_NOT_FOUND"),
        (("get", "nonsense"), "INVALID_REQUEST"),
    ],
)
def test_what_is_not_there_is_one_line(tidemill: Tidemill, arguments: tuple[str, ...], reason: str) -> None:
    ended = tidemill(*arguments)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.count("\n") == 1
    assert reason in ended.err


def test_run_uses_the_services_that_the_environment_names(
    tidemill: Tidemill, write: Callable[[str], str]
) -> None:
    document = write(GREET.replace("greet", "run-here"))
    report = tidemill("run", document, "--input", '{"name": "x"}', "--json").json
    assert report["phase"] == "completed"
    listed = tidemill("list", "--workflow", "run-here", "--json").lines
    assert [json.loads(line)["execution_id"] for line in listed] == [report["execution_id"]]


def test_run_needs_nothing_that_runs(alone: Tidemill, write: Callable[[str], str]) -> None:
    ended = alone("run", write(GREET), "--input", '{"name": "you"}', "--json")
    assert ended.code == 0, ended.err
    assert ended.json["output"] == {"text": "hello you"}


def test_run_of_a_faulting_workflow_exits_with_1(alone: Tidemill, write: Callable[[str], str]) -> None:
    ended = alone("run", write(FAULTS), "--json")
    assert (ended.code, ended.json["phase"], ended.json["error"]["status"]) == (1, "faulted", 418)


def test_run_gives_up_in_time_and_says_where_it_stands(alone: Tidemill, write: Callable[[str], str]) -> None:
    ended = alone("run", write(WAITS), "--timeout", "0.5", "--json")
    assert (ended.code, ended.json["phase"]) == (4, "waiting")
    assert ended.err == "error: not ended within 0.5 s, it is waiting\n"


@pytest.mark.parametrize("command", ["run", "validate", "publish"])
def test_a_bad_document_is_refused_with_the_same_lines_everywhere(
    tidemill: Tidemill, write: Callable[[str], str], command: str
) -> None:
    document = write(REFUSED)
    ended = tidemill(command, document)
    assert ended.code == 1
    (line,) = ended.lines
    assert line.startswith(f"{document}: /do/0/one/then: ")


def test_every_example_of_the_language_is_valid(alone: Tidemill) -> None:
    files = sorted(map(str, (shared_directory() / "examples").glob("*.yaml")))
    ended = alone("validate", *files)
    assert ended.code == 0, ended.out
    assert len(files) == 68


def test_every_invalid_document_is_refused_with_pointers(alone: Tidemill) -> None:
    files = sorted(map(str, (shared_directory() / "invalid").glob("*.yaml")))
    assert len(files) == 3
    for file in files:
        ended = alone("validate", file)
        assert ended.code == 1
        assert ended.lines
        assert all(re.match(re.escape(file) + ": /[^ ]*: .+", line) for line in ended.lines)


def test_a_service_that_dies_is_started_again(tmp_path: Path, write: Callable[[str], str]) -> None:
    log = tmp_path / "log"
    dev = start_dev(tmp_path / "data", free_base(), log)
    environment = plain_environment(TIDEMILL_ENGINE=dev.engine)
    try:
        assert tidemill_command("publish", write(GREET), environment=environment).code == 0
        os.kill(child_of(dev.process.pid, "tidemill.engine"), signal.SIGKILL)
        started: Ended | None = None
        for _ in range(20):
            started = tidemill_command("start", "shop/greet", environment=environment)
            if started.code == 0:
                break
        assert started is not None
        assert started.code == 0, started.err
        assert "engine   | ended with exit code -9, starts again in " in log.read_text()
    finally:
        assert stop(dev.process, signal.SIGTERM)[0] == 0


def child_of(parent: int, module: str) -> int:
    for children in Path(f"/proc/{parent}/task").glob("*/children"):
        for pid in map(int, children.read_text().split()):
            if module in Path(f"/proc/{pid}/cmdline").read_text().split("\0"):
                return pid
    raise AssertionError(f"{parent} has no child that runs {module}")


def test_two_stacks_do_not_share_ports_or_data(dev: Dev, tmp_path: Path) -> None:
    base = dev.engine.rpartition(":")[2]
    ended = tidemill_command(
        "dev", "--port-base", base, "--data", str(tmp_path), environment=plain_environment()
    )
    assert ended.code == 1
    assert ended.err.startswith(f"error: in use already: port {base}, ")


@pytest.mark.slow
def test_the_benchmark_measures_and_finds_nothing_lost_or_doubled(alone: Tidemill) -> None:
    ended = alone("bench", "--executions", "20", "--steps", "3", "--payload-bytes", "10", "--json")
    assert ended.code == 0, ended.err
    result = ended.json
    assert (result["executions"], result["steps"], result["payload_bytes"]) == (20, 3, 10)
    assert result["checked"] is True
    assert 0 < result["p50_ms"] <= result["p99_ms"]
    assert result["steps_per_s"] == pytest.approx(3 * result["executions_per_s"], rel=0.01)
    assert set(result["cpu_s_per_1k_steps"]) == {"total", "engine", "triggers", "actions"}
    assert set(result["peak_rss_mb"]) == {"engine", "triggers", "actions"}
    assert "fsync" in result["durability"]


def cpu_seconds(*arguments: str) -> float:
    """What a command and all that it started have used; whoever else is busy here does not count."""
    before = os.times()
    assert tidemill_command(*arguments, environment=plain_environment()).code == 0
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def test_help_answers_at_once() -> None:
    assert statistics.median(cpu_seconds("--help") for _ in range(5)) <= 0.4


def test_a_run_from_nothing_fits_into_two_seconds_of_two_cores(write: Callable[[str], str]) -> None:
    document = write(GREET)
    cpu_seconds("run", document)  # compiles the bytecode
    assert cpu_seconds("run", document) <= 2 * 2.0
