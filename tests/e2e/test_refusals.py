"""A service that cannot run says why in one clear line, exits non-zero, and leaves what it found alone."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.documents import named
from tests.e2e.running import RunningStack
from tidemill.stack.ports import free_ports, is_free

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

SERVICES = ("engine", "actions", "triggers")
WITH_DATA = ("engine", "actions")
FILES = {"state.db": "engine", "log.db": "engine", "ledger.db": "actions"}
GREET = """
    do:
    - greet: {call: 'tidemill.noop:1.0.0', with: {}}
"""


@dataclass
class Attempt:
    """A service to be started with variables of its own; those it needs and lacks are found for it."""

    service: str
    variables: dict[str, str] = field(default_factory=dict)

    def refusal(self) -> str:
        """The line that it ends with, once it has exited by itself."""
        prefix = f"TIDEMILL_{self.service.upper()}"
        listen, http = (f"127.0.0.1:{port}" for port in free_ports(2))
        defaults = {f"{prefix}_LISTEN": listen, "TIDEMILL_TRIGGERS_HTTP_LISTEN": http}
        inherited = {name: text for name, text in os.environ.items() if not name.startswith("TIDEMILL_")}
        ended = subprocess.run(
            [sys.executable, "-m", f"tidemill.{self.service}"],
            env=inherited | defaults | self.variables,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 1, ended.stderr
        assert "Traceback" not in ended.stderr
        line = ended.stderr.splitlines()[-1]
        assert line.startswith("error: ")
        return line


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack that has its ports and its data."""
    with RunningStack(tmp_path_factory.mktemp("running")) as running:
        yield running


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a stack that has worked and was stopped."""
    data = tmp_path_factory.mktemp("stopped")
    with RunningStack(data) as running:
        assert running.run(named("greet", GREET)).phase == "completed"
    return data


@pytest.fixture
def stopped(original: Path, tmp_path: Path) -> Path:
    """A copy of that data, to be damaged."""
    shutil.copytree(original, tmp_path / "copy")
    return tmp_path / "copy"


def data_variable(service: str) -> str:
    return f"TIDEMILL_{service.upper()}_DATA"


@pytest.mark.parametrize("service", WITH_DATA)
def test_a_second_process_on_one_directory_names_the_holder(running: RunningStack, service: str) -> None:
    directory = running.stack.layout.data / service
    holder = running.stack.pids()[service]
    line = Attempt(service, {data_variable(service): str(directory)}).refusal()
    assert line == f"error: the data directory {directory} is in use by process {holder}"
    assert running.run(named(f"greet-{service}", GREET)).phase == "completed"


def test_a_second_stack_on_one_directory_names_the_holder(running: RunningStack) -> None:
    data = running.stack.layout.data
    port = next(port for port in free_ports(50) if all(is_free(port + offset) for offset in range(4)))
    ended = subprocess.run(
        [sys.executable, "-m", "tidemill.cli", "dev", "--data", str(data), "--port-base", str(port)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert any(f"is in use by process {pid}" in ended.stderr for pid in running.stack.pids().values())


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("variable", ["LISTEN", "METRICS_PORT"])
def test_a_taken_port_is_named(running: RunningStack, tmp_path: Path, service: str, variable: str) -> None:
    address = running.stack.layout.address("engine")
    port = address.rpartition(":")[2]
    variables = {f"TIDEMILL_{service.upper()}_{variable}": port if variable == "METRICS_PORT" else address}
    if service in WITH_DATA:
        variables[data_variable(service)] = str(tmp_path)
    assert port in Attempt(service, variables).refusal()


def test_a_taken_port_for_events_is_named(running: RunningStack) -> None:
    taken = running.stack.layout.events_url.removeprefix("http://")
    assert taken in Attempt("triggers", {"TIDEMILL_TRIGGERS_HTTP_LISTEN": taken}).refusal()


@pytest.mark.parametrize("service", WITH_DATA)
def test_a_directory_that_cannot_be_is_named(tmp_path: Path, service: str) -> None:
    file = tmp_path / "file"
    file.touch()
    assert str(file / "data") in Attempt(service, {data_variable(service): str(file / "data")}).refusal()


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    ("variable", "text"), [("METRICS_PORT", "many"), ("METRIC_PORTS", "1")], ids=["value", "name"]
)
def test_a_setting_that_is_none_is_named(service: str, variable: str, text: str) -> None:
    name = f"TIDEMILL_{service.upper()}_{variable}"
    assert Attempt(service, {name: text}).refusal().startswith(f"error: {name}")


def overwrite(path: Path) -> None:
    """Every page but the first is not what it was."""
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))


def cut(path: Path) -> None:
    """The second half is gone."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2 // 4096 * 4096])


def replace(path: Path) -> None:
    """Something else stands there."""
    path.write_text("this is no database\n" * 1_000)


@pytest.mark.parametrize("damage", [overwrite, cut, replace])
@pytest.mark.parametrize("file", FILES)
def test_a_damaged_file_is_named_and_left_alone(
    stopped: Path, file: str, damage: Callable[[Path], None]
) -> None:
    service = FILES[file]
    path = stopped / service / file
    assert not path.with_name(file + "-wal").exists(), "a stop in good order leaves one file"
    damage(path)
    damaged = path.read_bytes()
    assert file in Attempt(service, {data_variable(service): str(stopped / service)}).refusal()
    assert path.read_bytes() == damaged


def test_a_log_that_is_not_the_stores_is_refused(stopped: Path) -> None:
    (stopped / "engine" / "log.db").unlink()
    line = Attempt("engine", {data_variable("engine"): str(stopped / "engine")}).refusal()
    assert "state.db and log.db do not belong together" in line


def test_a_log_without_its_store_is_refused_each_time(stopped: Path) -> None:
    (stopped / "engine" / "state.db").unlink()
    for _ in range(2):
        line = Attempt("engine", {data_variable("engine"): str(stopped / "engine")}).refusal()
        assert "state.db is missing" in line


@pytest.mark.parametrize("shards", [4, 16])
def test_another_number_of_shards_than_the_data_has_is_refused(stopped: Path, shards: int) -> None:
    variables = {data_variable("engine"): str(stopped / "engine"), "TIDEMILL_ENGINE_SHARDS": str(shards)}
    line = Attempt("engine", variables).refusal()
    assert "TIDEMILL_ENGINE_SHARDS" in line
    assert "8" in line


def test_no_shards_at_all_is_refused(tmp_path: Path) -> None:
    variables = {data_variable("engine"): str(tmp_path), "TIDEMILL_ENGINE_SHARDS": "-1"}
    assert "TIDEMILL_ENGINE_SHARDS" in Attempt("engine", variables).refusal()
