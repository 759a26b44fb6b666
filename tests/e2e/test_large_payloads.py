"""Large payloads through the whole stack: small records, a killed engine, and nothing left in the end."""

import os
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

import orjson
import pytest

from tests.e2e.documents import NAMESPACE, named
from tests.e2e.running import RunningStack
from tests.e2e.web import Answer, Request, serving
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.auditing.check import check, environment_of
from tidemill.errors import TidemillError
from tidemill.json import loads

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

LARGE: Final = 5_000_000
# A payload that stands inline, and what else is in its record.
RECORD_BYTES_MAX: Final = 65_536 + 8_192
CHILD: Final = "do: [{lengthen: {set: {text: '${ .text + \"z\" }'}}}]"
PARENT: Final = f"""
    do:
    - ask:
        call: http
        with: {{method: post, endpoint: 'http://large.example.com/asked', body: {{text: '${{ .text }}'}}}}
    - hold:
        call: http
        with: {{method: post, endpoint: 'http://large.example.com/held', body: '${{ (.text | length) }}'}}
        output: {{as: '${{ $input }}'}}
    - inside:
        run:
          workflow:
            namespace: {NAMESPACE}
            name: lengthening
            version: latest
            input: {{text: '${{ .text }}'}}
"""


class Service:
    """Answers with as much as it was asked, in other letters; holds one request until it is released."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.held = threading.Event()
        self.released = threading.Event()

    def __call__(self, request: Request) -> Answer:
        self.asked[request.path] += 1
        if request.path == "/held":
            self.held.set()
            assert self.released.wait(60)
            return Answer(200, {"length": request.body})
        return Answer(200, {"text": "y" * len(request.body["text"])})


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.released.set()


def longest_values(file: Path) -> dict[str, int]:
    """The longest value of each table of a SQLite file, in bytes."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        found = {}
        for table in tables:
            columns = [column[1] for column in connection.execute(f"PRAGMA table_info({table})")]
            longest = [f"COALESCE(MAX(LENGTH(CAST({column} AS BLOB))), 0)" for column in columns]
            row = connection.execute(f"SELECT {', '.join(longest)} FROM {table}").fetchone()
            found[table] = max(row)
    return found


def whole_history(stack: RunningStack, execution_id: str) -> list[pb.HistoryEvent]:
    async def read() -> list[pb.HistoryEvent]:
        request = pb.GetHistoryRequest(namespace=NAMESPACE, execution_id=execution_id)
        return [event async for page in stack.client.executions.history_pages(request) for event in page]

    return stack.wait(read())


def test_large_payloads_go_by_reference_and_nobody_notices(tmp_path: Path, service: Service) -> None:
    with (
        serving(service) as outside,
        RunningStack(
            tmp_path,
            TIDEMILL_ACTIONS_HTTP_HOSTS=f"large.example.com={outside}",
            TIDEMILL_ENGINE_BLOB_SWEEP_INTERVAL_US="200000",
            TIDEMILL_ENGINE_BLOB_GRACE_US="1000000",
        ) as stack,
    ):
        stack.publish(named("lengthening", CHILD))
        started = stack.start(stack.publish(named("large", PARENT)), {"text": "x" * LARGE}, subject="ada")
        stack.until(service.held.is_set)
        stack.restart("engine")
        service.released.set()
        report = stack.closed(started)
        assert (report.phase, report.error) == ("completed", None)
        assert report.output == {"text": "y" * LARGE + "z"}
        assert service.asked == {"/asked": 1, "/held": 1}
        _shown_whole(stack, started.execution_id)
        _stored_small(tmp_path)
        _checked(tmp_path)
        _told_when_lost(stack, tmp_path, started)
        _removed_with_executions(stack, tmp_path)


def _shown_whole(stack: RunningStack, execution_id: str) -> None:
    """Clients see what was said, wherever it stands."""
    events = whole_history(stack, execution_id)
    first, last = events[0].event.execution_started, events[-1].event.execution_completed
    assert loads(first.raw_input.data) == {"text": "x" * LARGE}
    assert loads(last.output.data) == {"text": "y" * LARGE + "z"}
    (child,) = [each.event.task_started.child for each in events if each.event.task_started.HasField("child")]
    assert loads(child.input.data) == {"text": "y" * LARGE}


def _stored_small(data: Path) -> None:
    """No record of the log, row of the store or row of the ledger holds a large payload."""
    for file in ("engine/log.db", "engine/state.db", "actions/ledger.db"):
        for table, longest in longest_values(data / file).items():
            assert longest <= RECORD_BYTES_MAX, (file, table)
    sizes = [path.stat().st_size for path in (data / "blobs").glob("*/*/*")]
    # What has the same text is one blob: the parent's input, the arguments of its call, its second text and
    # its output; the child's input and output.
    assert len(sizes) == 6
    assert min(sizes) > LARGE


def _checked(data: Path) -> None:
    report = check(environment_of(data, os.environ))
    assert report.holds, report.to_json()
    assert report.read["executions"] == 2


def _told_when_lost(stack: RunningStack, data: Path, started: pb.StartResponse) -> None:
    """A blob that is lost or damaged is told of, and right again once it is restored."""
    output = loads(orjson.dumps({"text": "y" * LARGE + "z"}))
    digest = sha256(orjson.dumps(output)).hexdigest()
    path = data / "blobs" / started.execution_id[:2] / started.execution_id / digest
    whole = path.read_bytes()
    for wrong, word in ((None, "missing"), (whole[:-1] + b" ", "damaged")):
        path.unlink() if wrong is None else path.write_bytes(wrong)
        with pytest.raises(TidemillError, match=f"the blob {digest} .* is {word}") as refusal:
            stack.report(started.execution_id)
        assert refusal.value.reason_name == "BLOB_UNREADABLE"
        found = check(environment_of(data, os.environ))
        assert found.first is not None
        assert word in found.first.sentence
    path.write_bytes(whole)
    assert stack.report(started.execution_id).phase == "completed"


def _removed_with_executions(stack: RunningStack, data: Path) -> None:
    retention = {
        "TIDEMILL_ENGINE_HISTORY_RETENTION_US": "1",
        "TIDEMILL_ENGINE_EXECUTION_RETENTION_US": "1",
        "TIDEMILL_ENGINE_HOUSEKEEPING_INTERVAL_US": "200000",
    }
    stack.restart("engine", **retention)
    stack.until(lambda: not list((data / "blobs").glob("*/*")))
