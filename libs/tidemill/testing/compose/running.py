"""All services of a compose file on this machine: up in their order, kept up, and down again."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from tidemill.testing.compose.containers import Container
from tidemill.testing.compose.file import COMPLETED, ComposeFile, Service
from tidemill.testing.compose.places import Places, Replica, replicas
from tidemill.testing.compose.problem import ComposeError
from tidemill.testing.compose.standins import Server, stand_in
from tidemill.testing.servers.process import ServerFailedError

Say: TypeAlias = Callable[[str], None]
_RESTARTED: Final = frozenset({"unless-stopped", "always", "on-failure"})


@dataclass(frozen=True, slots=True)
class Running:
    """A replica that was started."""

    replica: Replica
    server: Server


class ComposeStack:
    """The file's services. Used as a context it stops whatever it has started."""

    def __init__(self, file: ComposeFile, data: Path, *, free_ports: bool = False, say: Say = print) -> None:
        self.places = Places(file, data, free=free_ports)
        self._file = file
        self._data = data
        self._say = say
        self._running: list[Running] = []

    def up(self, *wanted: str) -> None:
        """Start the services, or those wanted with what they depend on, and wait for each one's health.

        Raises ComposeError with the last lines of the one that failed, and ServerMissingError.
        """
        once = self._completed_first()
        started = {running.replica.service.name for running in self._running}
        for service in self._file.in_order(*wanted):
            if service.name in started:
                continue
            if service.name in once:
                self._run_once(service)
            else:
                self._start(service)

    def run(self, name: str) -> int:
        """Start what the service depends on, then run it to its end; returns its exit code."""
        service = self._file.services[name]
        if service.depends_on:
            self.up(*service.depends_on)
        return Container(Replica(service, 1), self.places).run(heard=True)

    def revive(self) -> None:
        """Start again what has ended and is to be restarted."""
        for running in self._running:
            if not running.server.running and running.replica.service.restart in _RESTARTED:
                self._say(f"{running.replica.name} has ended and is started again")
                self._begin(running)

    def server(self, name: str) -> Server:
        """What runs as the replica, `engine-1`."""
        return next(running.server for running in self._running if running.replica.name == name)

    def down(self) -> None:
        """Stop everything, the last started first."""
        while self._running:
            self._running.pop().server.stop()

    def kill(self) -> None:
        """End everything at once."""
        while self._running:
            self._running.pop().server.kill()

    def _completed_first(self) -> set[str]:
        """Services of which others wait for the end."""
        return {
            name
            for service in self._file.services.values()
            for name, condition in service.depends_on.items()
            if condition == COMPLETED
        }

    def _run_once(self, service: Service) -> None:
        container = Container(Replica(service, 1), self.places)
        code = container.run(heard=False)
        if code != 0:
            raise ComposeError(f"{service.name} ended with {code}:\n{container.log.read_text()[-4_000:]}")
        self._say(f"{service.name} is done")

    def _start(self, service: Service) -> None:
        for replica in replicas(service):
            running = Running(replica, self._made(replica))
            # First of all remembered, so that a failed start is cleaned up too.
            self._running.append(running)
            self._begin(running)
            doors = ", ".join(f"{port} at {self.places.port(replica, port)}" for port in service.ports)
            self._say(f"{replica.name} is up: {doors}")

    def _begin(self, running: Running) -> None:
        try:
            running.server.start()
        except ServerFailedError as error:
            raise ComposeError(str(error)) from error

    def _made(self, replica: Replica) -> Server:
        if replica.service.built:
            return Container(replica, self.places)
        folder = self._data / replica.name
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        return stand_in(replica, self.places, folder)
