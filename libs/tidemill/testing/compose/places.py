"""Where on this machine each port of each container is, and texts of the file that say so."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tidemill.stack.ports import free_ports
from tidemill.testing.compose.file import ComposeFile, Service
from tidemill.testing.compose.problem import ComposeError

HOST: Final = "127.0.0.1"
_EVERY_INTERFACE: Final = "0.0.0.0"
_OWN: Final = (_EVERY_INTERFACE, HOST, "localhost")
_PORT_VARIABLE: Final = "_PORT"


@dataclass(frozen=True, slots=True)
class Replica:
    """One container of a service; the first has the number 1."""

    service: Service
    number: int

    @property
    def name(self) -> str:
        return f"{self.service.name}-{self.number}"


def replicas(service: Service) -> Iterator[Replica]:
    """All containers of the service."""
    return (Replica(service, number) for number in range(1, service.replicas + 1))


class Places:
    """Ports of this machine for the ports of all containers, and folders below `data` for their files.

    Published ports are the ones that the file says, unless all are to be `free` ones.
    """

    def __init__(self, file: ComposeFile, data: Path, *, free: bool = False) -> None:
        self._file = file
        self._data = data
        self._ports: dict[tuple[str, int], int] = {}
        self._free = free
        self._assign()
        names = [name for service in file.services.values() for name in self._names(service)]
        # The longest first, since one name may begin another.
        hosts = "|".join(map(re.escape, sorted((*_OWN, *names), key=len, reverse=True)))
        self._address = re.compile(rf"(?<![\w.-])(?P<host>{hosts}):(?P<port>\d+)")

    def port(self, replica: Replica, container_port: int) -> int:
        """The port of this machine; raises ComposeError when nobody listens on that port there."""
        try:
            return self._ports[replica.name, container_port]
        except KeyError:
            raise ComposeError(f"{replica.service.name} has no port {container_port}") from None

    def addresses(self, service: str, container_port: int) -> str:
        """`host:port` of every replica, with commas between them."""
        found = replicas(self._file.services[service])
        return ",".join(f"{HOST}:{self.port(replica, container_port)}" for replica in found)

    def root(self, replica: Replica) -> Path:
        """What stands for the root folder of the container."""
        return self._data / replica.name / "root"

    def volume(self, name: str) -> Path:
        """What stands for a named volume, which containers share."""
        return self._data / "volumes" / name

    def environment(self, replica: Replica) -> dict[str, str]:
        """The environment of the container, as it must be on this machine."""
        return {
            name: self._value(replica, name, value) for name, value in replica.service.environment.items()
        }

    def text(self, replica: Replica, text: str) -> str:
        """A text of the file with addresses and paths as they are on this machine."""
        return self._paths(replica)(self._address.sub(lambda found: self._there(replica, found), text))

    def _value(self, replica: Replica, name: str, value: str) -> str:
        if value == _EVERY_INTERFACE:
            return HOST
        if name.endswith(_PORT_VARIABLE):
            return str(self.port(replica, int(value)))
        return self.text(replica, value)

    def _there(self, replica: Replica, found: re.Match[str]) -> str:
        host, port = found["host"], int(found["port"])
        target = replica if host in _OWN else self._resolved(replica, host)
        return f"{HOST}:{self.port(target, port)}"

    def _resolved(self, asking: Replica, host: str) -> Replica:
        """The container that a name leads to: a service's leads each who asks to one of its replicas."""
        for service in self._file.services.values():
            for replica in replicas(service):
                if host == self._full_name(replica):
                    return replica
            if host == service.name:
                return Replica(service, (asking.number - 1) % service.replicas + 1)
        raise ComposeError(f"nobody is called {host}")

    def _paths(self, replica: Replica) -> Callable[[str], str]:
        service = replica.service
        targets = {mount.target for mount in service.mounts} | {each.target for each in service.volumes}
        folders = targets | {service.working_dir} - {"/"}
        if not folders:
            return lambda text: text
        known = "|".join(map(re.escape, sorted(folders, key=len, reverse=True)))
        pattern = re.compile(rf"(?<![\w./-])(?:{known})(?![\w.-])")
        return lambda text: pattern.sub(lambda found: f"{self.root(replica)}{found[0]}", text)

    def _names(self, service: Service) -> list[str]:
        return [service.name, *map(self._full_name, replicas(service))]

    def _full_name(self, replica: Replica) -> str:
        return f"{self._file.name}-{replica.name}"

    def _assign(self) -> None:
        containers = [replica for service in self._file.services.values() for replica in replicas(service)]
        doors = [(replica, port) for replica in containers for port in replica.service.ports]
        free = iter(free_ports(len(doors), host=HOST))
        for replica, port in doors:
            published = [] if self._free else [p for p in replica.service.published if p.container == port]
            chosen = published[0].first + replica.number - 1 if published else next(free)
            self._ports[replica.name, port] = chosen
