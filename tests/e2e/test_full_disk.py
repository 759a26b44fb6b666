"""A disk that is full: nothing accepted is lost, the service says so, stays up, and goes on after."""

import resource
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.conftest import sample_settings
from tests.e2e.documents import NAMESPACE, named
from tests.e2e.running import RunningStack
from tidemill.api.engine.v1 import execution_service_pb2 as executions
from tidemill.api.engine.v1.definition_service_pb2 import Definition
from tidemill.api.engine.v1.execution_pb2 import EXECUTION_PHASE_COMPLETED
from tidemill.client.calls import Patience
from tidemill.errors import TidemillError
from tidemill.stack.clients import client_of
from tidemill.stack.layout import ServiceName
from tidemill.stack.ports import free_ports

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]

FILL = """
    do:
    - count: {call: 'test.count:1.0.0', with: {}}
    - pad: {call: 'test.pad:1.0.0', with: {characters: 20000}, output: {as: '{runs: $input.runs}'}}
"""
ATTEMPTS_MAX = 500
NO_PATIENCE = Patience(away_seconds=0)


@dataclass
class Filling:
    """A stack whose disk is small, and what it has accepted."""

    stack: RunningStack
    metrics: dict[ServiceName, int]
    definition: Definition
    accepted: list[executions.StartResponse] = field(default_factory=list)

    def start(self, *, patiently: bool = True) -> None:
        """Start one execution; raises TidemillError when it is refused, at once or after some patience."""
        request = executions.StartRequest(namespace=NAMESPACE, workflow=self.definition.name)
        request.input.data = b'{"pad": "%s"}' % (b"x" * 20_000)
        work = self.stack.client.executions.start(request) if patiently else self._start_now(request)
        self.accepted.append(self.stack.wait(work))

    async def _start_now(self, request: executions.StartRequest) -> executions.StartResponse:
        async with client_of(self.stack.stack.layout, patience=NO_PATIENCE) as client:
            return await client.executions.start(request)

    def publish_now(self, name: str) -> None:
        """Publish a definition; raises TidemillError at once when it is refused."""
        self.stack.wait(self._publish_now(named(name, FILL).encode()))

    async def _publish_now(self, document: bytes) -> None:
        async with client_of(self.stack.stack.layout, patience=NO_PATIENCE) as client:
            await client.definitions.publish(document)

    def start_until_refused(self) -> TidemillError:
        """Start executions until there is no room; the refusal."""
        for _ in range(ATTEMPTS_MAX):
            try:
                self.start(patiently=False)
            except TidemillError as error:
                return error
        raise AssertionError("the disk does not get full")

    def start_until_failing(self, service: ServiceName, loop: str) -> None:
        """Start executions one by one until a loop of the service says that it fails."""
        for _ in range(ATTEMPTS_MAX):
            self.start()
            self.stack.until(lambda: self.is_failing(service, loop) or self.is_closed(-1))
            if self.is_failing(service, loop):
                return
        raise AssertionError("the disk does not get full")

    def is_failing(self, service: ServiceName, loop: str) -> bool:
        """Whether the service's metrics say that the loop fails."""
        url = f"http://127.0.0.1:{self.metrics[service]}/metrics"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return f'tidemill_loop_failing{{loop="{loop}"}} 1.0' in answer.read().decode()

    def is_closed(self, index: int) -> bool:
        """Whether an execution that was accepted has completed."""
        return self.accepted[index].execution_id in self.listed(phases=[EXECUTION_PHASE_COMPLETED])

    def listed(self, **fields: object) -> set[str]:
        """The ids of all executions that fit."""
        return self.stack.wait(self._listed(**fields))

    async def _listed(self, **fields: object) -> set[str]:
        request = executions.ExecutionServiceListRequest(
            namespace=NAMESPACE,
            workflow=self.definition.name,
            **fields,  # type: ignore[arg-type]
        )
        pages = self.stack.client.executions.pages(request)
        return {execution.execution_id async for page in pages for execution in page}

    def check_all_done_once(self) -> None:
        """Everything that was accepted completes, its effect was made once, and there is nothing else."""
        for started in self.accepted:
            report = self.stack.closed(started)
            assert (report.phase, report.output) == ("completed", {"runs": 1})
        assert self.listed() == {started.execution_id for started in self.accepted}


@contextmanager
def small(data: Path, **limits: int) -> Iterator[Filling]:
    """A stack with these limits of its files, in pages, that has done a first execution."""
    engine, actions = free_ports(2)
    settings = {name: str(pages) for name, pages in limits.items()} | sample_settings()
    with RunningStack(
        data,
        TIDEMILL_ENGINE_METRICS_PORT=str(engine),
        TIDEMILL_ACTIONS_METRICS_PORT=str(actions),
        **settings,
    ) as stack:
        definition = stack.publish(named("fill", FILL))
        filling = Filling(stack, {"engine": engine, "actions": actions}, definition)
        filling.start()
        stack.closed(filling.accepted[0])
        yield filling


def assert_serves_on(filling: Filling, service: ServiceName) -> None:
    """The process that cannot write is the one that was started, and answers whoever reads."""
    assert filling.stack.stack.process(service).exit_code is None
    filling.stack.wait(filling.stack.stack.until_healthy(service))
    assert filling.stack.report(filling.accepted[0].execution_id).phase == "completed"


@pytest.mark.parametrize(("part", "limit"), [("store", "STORE"), ("command log", "LOG")])
def test_a_full_file_of_the_engine(tmp_path: Path, part: str, limit: str) -> None:
    setting = f"TIDEMILL_ENGINE_{limit}_PAGE_COUNT_MAX"
    with small(tmp_path, **{setting: 250}) as filling:
        refusal = filling.start_until_refused()
        assert refusal.reason_name == "STORAGE_UNAVAILABLE"
        assert refusal.retry_delay_us
        assert part in refusal.message
        assert_serves_on(filling, "engine")
        filling.stack.restart("engine", **{setting: "0"})
        filling.start()
        filling.check_all_done_once()


def test_a_full_ledger(tmp_path: Path) -> None:
    with small(tmp_path, TIDEMILL_ACTIONS_LEDGER_PAGE_COUNT_MAX=100) as filling:
        filling.start_until_failing("actions", "record")
        for _ in range(10):
            filling.start()
        assert_serves_on(filling, "actions")
        filling.stack.restart("actions", TIDEMILL_ACTIONS_LEDGER_PAGE_COUNT_MAX="0")
        for started in filling.accepted:
            assert filling.stack.closed(started).phase == "completed"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the files of another process")
def test_room_on_the_disk_is_found_without_a_restart(tmp_path: Path) -> None:
    with small(tmp_path) as filling:
        pid = filling.stack.stack.pids()["engine"]
        # Nothing may be written beyond what the smaller of the two has used; both are laid out in full.
        files = [tmp_path / "engine" / name for name in ("log.db-wal", "state.db-wal")]
        size = min(len(file.read_bytes().rstrip(b"\0")) for file in files)
        _, highest = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, highest))
        assert filling.start_until_refused().reason_name == "STORAGE_UNAVAILABLE"
        with pytest.raises(TidemillError) as refusal:
            filling.publish_now("other")
        assert refusal.value.reason_name == "STORAGE_UNAVAILABLE"
        assert_serves_on(filling, "engine")
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (highest, highest))
        filling.start()
        filling.check_all_done_once()
        filling.stack.publish(named("other", FILL))
