"""The programs of a peer: servers on free ports, and those that are asked by a line and answer by one."""

import json
import os
import signal
import subprocess
import threading
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tidemill.bench.effects import read_page
from tidemill.stack.ports import free_ports
from tidemill.testing.servers import ServerFailedError
from tidemill.testing.servers.process import Program, ServerProcess, launched
from tidemill.testing.servers.server import Server

HOST = "127.0.0.1"
READY_SECONDS_MAX = 60.0
ANSWER_SECONDS_MAX = 600.0
STOP_SECONDS_MAX = 10.0


def environment(**variables: str) -> dict[str, str]:
    """Ours without proxies, which nothing on this machine is to go through, and with these variables."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**kept, **variables}


class RestateServer(Server):
    """One node with all roles, on files of its own."""

    start_seconds_max = 60.0
    stop_grace_seconds = STOP_SECONDS_MAX

    def __init__(self, binary: Path, settings: Path, folder: Path) -> None:
        self._command = [str(binary), "--no-logo", "--config-file", str(settings)]
        self._folder = folder
        self._ingress, self._admin, self._node = free_ports(3)

    @property
    def ingress_url(self) -> str:
        return f"http://{HOST}:{self._ingress}"

    def register(self, service_port: int) -> None:
        """Make the handlers at the port known; raises OSError."""
        request = urllib.request.Request(
            f"http://{HOST}:{self._admin}/deployments",
            data=json.dumps({"uri": f"http://{HOST}:{service_port}"}).encode(),
            headers={"content-type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=READY_SECONDS_MAX) as answer:
            answer.read()

    def _prepare(self) -> ServerProcess:
        self._folder.mkdir(parents=True, exist_ok=True)
        node = f"{HOST}:{self._node}"
        variables = {
            "RESTATE_BASE_DIR": str(self._folder / "data"),
            "RESTATE_NODE_NAME": "peer",
            "RESTATE_BIND_ADDRESS": node,
            "RESTATE_ADVERTISED_ADDRESS": f"http://{node}/",
            "RESTATE_INGRESS__BIND_ADDRESS": f"{HOST}:{self._ingress}",
            "RESTATE_ADMIN__BIND_ADDRESS": f"{HOST}:{self._admin}",
        }
        return _server("Restate", self._command, self._folder, self._ingress, variables)

    def _answers(self) -> bool:
        try:
            read_page(f"http://{HOST}:{self._admin}/health")
            read_page(f"{self.ingress_url}/restate/health")
        except OSError:
            return False
        return True


class RedisServer(Server):
    """A Redis that answers a write once it is on disk."""

    start_seconds_max = 30.0
    stop_grace_seconds = STOP_SECONDS_MAX

    def __init__(self, binary: str, folder: Path) -> None:
        self._folder = folder
        (self.port,) = free_ports(1)
        place = ["--bind", HOST, "--port", str(self.port), "--dir", str(folder)]
        kept = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        self._command = [binary, *place, *kept]

    def _prepare(self) -> ServerProcess:
        self._folder.mkdir(parents=True, exist_ok=True)
        return _server("Redis", self._command, self._folder, self.port, {})

    def _answers(self) -> bool:
        return "Ready to accept connections" in self.log_text()


class Asked:
    """A program that says `ready`, and may then be asked. It ends with us. Raises ServerFailedError."""

    def __init__(self, command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> None:
        self._name = Path(command[1]).name
        self._log = folder / f"{self._name}.log"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                launched(command, account=None, orphan_signal=signal.SIGKILL),
                cwd=folder,
                env=environment(**variables),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def alone_ms(self, executions: int) -> list[float]:
        """Run executions one by one: the milliseconds of each."""
        return [float(latency) for latency in json.loads(self._answer(f"alone {executions}"))]

    def load_seconds(self, executions: int) -> float:
        """Run executions at once: the seconds from the first start to the last end."""
        return float(self._answer(f"load {executions}"))

    def __enter__(self) -> Self:
        try:
            while self._line(READY_SECONDS_MAX) != "ready":
                pass
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _answer(self, question: str) -> str:
        assert self._process.stdin is not None, "it is a pipe"
        self._process.stdin.write(f"{question}\n")
        self._process.stdin.flush()
        return self._line(ANSWER_SECONDS_MAX)

    def _line(self, seconds: float) -> str:
        assert self._process.stdout is not None, "it is a pipe"
        # A read has no deadline of its own: it ends with the program.
        deadline = threading.Timer(seconds, self._process.kill)
        deadline.start()
        line = self._process.stdout.readline()
        deadline.cancel()
        if not line:
            raise ServerFailedError(f"{self._name} ended, or took {seconds:g} s:\n{self._last_lines()}")
        return line.strip()

    def _last_lines(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.communicate(timeout=STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


def _server(
    name: str, command: Sequence[str], folder: Path, port: int, variables: Mapping[str, str]
) -> ServerProcess:
    started = Program(
        name=name,
        command=command,
        log=folder / f"{name.lower()}.log",
        cwd=folder,
        stop_signal=signal.SIGTERM,
        orphan_signal=signal.SIGKILL,
        host=HOST,
        port=port,
        environment=environment(**variables),
    )
    return ServerProcess(started)
