"""Which test server stands in for an image that is not ours, set up as the file sets up the image."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

from tidemill.testing.compose.places import Places, Replica
from tidemill.testing.compose.problem import ComposeError
from tidemill.testing.servers import KafkaServer, PostgresServer
from tidemill.testing.servers.kafka import QUICK_START

KAFKA_PORT: Final = 9092
POSTGRES_PORT: Final = 5432
_KAFKA: Final = "KAFKA_"
# Where the broker and its files are: that is ours to say.
_PLACES: Final = (
    "listeners",
    "advertised.listeners",
    "listener.security.protocol.map",
    "controller.quorum.voters",
    "log.dirs",
    "node.id",
)
_FIRST_START: Final = "/docker-entrypoint-initdb.d/"


class Server(Protocol):
    """What runs for a service."""

    @property
    def running(self) -> bool: ...

    def start(self) -> None:
        """Start it and return when it is healthy."""
        ...

    def stop(self) -> None: ...

    def kill(self) -> None: ...


def stand_in(replica: Replica, places: Places, folder: Path) -> Server:
    """The server for the image; raises ComposeError where there is none."""
    image = replica.service.image.rpartition("/")[2].partition(":")[0]
    if image == "kafka":
        settings = kafka_settings(replica.service.environment)
        port = places.port(replica, KAFKA_PORT)
        return KafkaServer(folder, port=port, settings=settings, java_options=QUICK_START)
    if image == "postgres":
        return PostgresStandIn(replica, folder, places.port(replica, POSTGRES_PORT))
    raise ComposeError(f"{replica.service.name}: nothing here stands in for {replica.service.image}")


def kafka_settings(environment: Mapping[str, str]) -> str:
    """Lines of server.properties: what the image makes of `KAFKA_LOG_FLUSH_INTERVAL_MESSAGES` and its kin."""
    named = {
        name.removeprefix(_KAFKA).lower().replace("_", "."): value
        for name, value in environment.items()
        if name.startswith(_KAFKA)
    }
    return "".join(f"{name}={value}\n" for name, value in named.items() if name not in _PLACES)


class PostgresStandIn:
    """Postgres with the user, databases and options of the file."""

    def __init__(self, replica: Replica, folder: Path, port: int) -> None:
        environment = replica.service.environment
        self._database = environment["POSTGRES_DB"]
        self._first = [
            mount.source for mount in replica.service.mounts if mount.target.startswith(_FIRST_START)
        ]
        options = postgres_options(replica.service.arguments)
        self.server = PostgresServer(folder, port=port, user=environment["POSTGRES_USER"], options=options)

    @property
    def running(self) -> bool:
        return self.server.running

    def start(self) -> None:
        """Start it; the first time with the database of the file and its scripts."""
        new = self.server.is_new
        self.server.start()
        if new:
            self.server.create_database(self._database)
            for script in self._first:
                self.server.execute(script.read_text(), database=self._database)

    def stop(self) -> None:
        self.server.stop()

    def kill(self) -> None:
        self.server.kill()


def postgres_options(arguments: tuple[str, ...]) -> dict[str, str]:
    """The settings of `postgres -c name=value ...`; raises ComposeError for anything else."""
    if not arguments:
        return {}
    program, *rest = arguments
    flags, settings = rest[::2], rest[1::2]
    if program != "postgres" or set(flags) - {"-c"} or len(flags) != len(settings):
        raise ComposeError(f"only 'postgres -c name=value' is understood, not {' '.join(arguments)}")
    return dict(setting.split("=", 1) for setting in settings)
